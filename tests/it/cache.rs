//! What is kept between runs, for whom, and for how long; and that nothing on a disk keeps a token from being printed.
