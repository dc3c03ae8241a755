
use builtin;
use str;

set edit:completion:arg-completer[cells-token] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'cells-token'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'cells-token'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand get 'Print an access token'
            cand run 'Run a command with an access token in its environment'
            cand status 'Show what would be used and what is cached; makes no request'
            cand forget 'Delete the cached token'
            cand sandbox 'Run a command beside its own token endpoint: no account needed'
            cand serve 'Answer a fleet in the API''s place, with few requests to it'
            cand completions 'Print a completion script for a shell'
        }
        &'cells-token;get'= {
            cand --client-id 'The client id [variable: CELLS_CLIENT_ID]'
            cand --client-secret 'The client secret [variable: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'A file with the secret; - is standard input'
            cand --base-url 'Where the API is [variable: CELLS_BASE_URL]'
            cand --token-url 'The token endpoint itself [variable: CELLS_TOKEN_URL]'
            cand --ca-cert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --cacert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --proxy 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'The limit on everything together [variable: CELLS_TIMEOUT]'
            cand --retries 'How often to try again what may pass by itself [variable: CELLS_RETRIES]'
            cand --min-ttl 'How long the token must live at least [variable: CELLS_MIN_TTL]'
            cand --cache-dir 'Where the cache is [variable: CELLS_CACHE_DIR]'
            cand -o 'The format'
            cand --output 'The format'
            cand --env-name 'The variable that -o env sets'
            cand --no-input 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
            cand --refresh 'Fetch a new token even if a good one is cached'
            cand -v 'Tell on standard error what is done, and why'
            cand --verbose 'Tell on standard error what is done, and why'
            cand -q 'Say nothing on standard error but errors'
            cand --quiet 'Say nothing on standard error but errors'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;run'= {
            cand --client-id 'The client id [variable: CELLS_CLIENT_ID]'
            cand --client-secret 'The client secret [variable: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'A file with the secret; - is standard input'
            cand --base-url 'Where the API is [variable: CELLS_BASE_URL]'
            cand --token-url 'The token endpoint itself [variable: CELLS_TOKEN_URL]'
            cand --ca-cert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --cacert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --proxy 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'The limit on everything together [variable: CELLS_TIMEOUT]'
            cand --retries 'How often to try again what may pass by itself [variable: CELLS_RETRIES]'
            cand --min-ttl 'How long the token must live at least [variable: CELLS_MIN_TTL]'
            cand --cache-dir 'Where the cache is [variable: CELLS_CACHE_DIR]'
            cand --env-name 'The variable that holds the token [default: CELLS_ACCESS_TOKEN]'
            cand --no-input 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
            cand --refresh 'Fetch a new token even if a good one is cached'
            cand -v 'Tell on standard error what is done, and why'
            cand --verbose 'Tell on standard error what is done, and why'
            cand -q 'Say nothing on standard error but errors'
            cand --quiet 'Say nothing on standard error but errors'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;status'= {
            cand --client-id 'The client id [variable: CELLS_CLIENT_ID]'
            cand --client-secret 'The client secret [variable: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'A file with the secret; - is standard input'
            cand --base-url 'Where the API is [variable: CELLS_BASE_URL]'
            cand --token-url 'The token endpoint itself [variable: CELLS_TOKEN_URL]'
            cand --ca-cert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --cacert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --proxy 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'The limit on everything together [variable: CELLS_TIMEOUT]'
            cand --retries 'How often to try again what may pass by itself [variable: CELLS_RETRIES]'
            cand --min-ttl 'How long the token must live at least [variable: CELLS_MIN_TTL]'
            cand --cache-dir 'Where the cache is [variable: CELLS_CACHE_DIR]'
            cand -o 'The format'
            cand --output 'The format'
            cand --no-input 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
            cand -v 'Tell on standard error what is done, and why'
            cand --verbose 'Tell on standard error what is done, and why'
            cand -q 'Say nothing on standard error but errors'
            cand --quiet 'Say nothing on standard error but errors'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;forget'= {
            cand --client-id 'Whose token is forgotten [variable: CELLS_CLIENT_ID]'
            cand --base-url 'Where the API is [variable: CELLS_BASE_URL]'
            cand --token-url 'The token endpoint itself [variable: CELLS_TOKEN_URL]'
            cand --cache-dir 'Where the cache is [variable: CELLS_CACHE_DIR]'
            cand --timeout 'Wait half as long for requests under way [variable: CELLS_TIMEOUT]'
            cand --all 'Forget every token, of all client ids and token URLs'
            cand --allow-http 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
            cand -v 'Tell on standard error what is done, and why'
            cand --verbose 'Tell on standard error what is done, and why'
            cand -q 'Say nothing on standard error but errors'
            cand --quiet 'Say nothing on standard error but errors'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;sandbox'= {
            cand --expires-in 'How long the tokens live [default: 1h]'
            cand --respond 'Statuses to answer with in turn: 503,429,200'
            cand -v 'Tell on standard error what is done, and why'
            cand --verbose 'Tell on standard error what is done, and why'
            cand -q 'Say nothing on standard error but errors'
            cand --quiet 'Say nothing on standard error but errors'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;serve'= {
            cand --listen 'Where callers connect [default: 127.0.0.1:8470]'
            cand --tls-cert 'The certificate, in a PEM file'
            cand --tls-key 'Its private key, in a PEM file'
            cand --caller-key-file 'Keys of callers that need no secret, one a line'
            cand --client-id 'The client id [variable: CELLS_CLIENT_ID]'
            cand --client-secret 'The client secret [variable: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'A file with the secret; - is standard input'
            cand --base-url 'Where the API is [variable: CELLS_BASE_URL]'
            cand --token-url 'The token endpoint itself [variable: CELLS_TOKEN_URL]'
            cand --ca-cert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --cacert 'Certificates to trust besides the system''s, in a PEM file [variable: CELLS_CA_CERT]'
            cand --proxy 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'The limit on everything together [variable: CELLS_TIMEOUT]'
            cand --retries 'How often to try again what may pass by itself [variable: CELLS_RETRIES]'
            cand --min-ttl 'How long the token must live at least [variable: CELLS_MIN_TTL]'
            cand --cache-dir 'Where the cache is [variable: CELLS_CACHE_DIR]'
            cand --listen-http 'Plain http to other machines'
            cand --no-input 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
            cand -v 'Tell on standard error what is done, and why'
            cand --verbose 'Tell on standard error what is done, and why'
            cand -q 'Say nothing on standard error but errors'
            cand --quiet 'Say nothing on standard error but errors'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;completions'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}
