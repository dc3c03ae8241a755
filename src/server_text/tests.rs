//! Tables of what servers write, and what is shown of it.

use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::*;

fn redactor(secret: &str) -> Redactor {
    Redactor::new(&ClientSecret::new(secret.into()))
}

fn show(secret: &str, text: &str) -> String {
    redactor(secret).show(text).to_string()
}

#[test]
fn the_secret_is_taken_out_in_every_form() {
    let secret = "p+q /é\"\\<7";
    for (name, quoted) in [
        ("raw", secret.to_owned()),
        ("upper case", secret.to_ascii_uppercase()),
        ("form", "p%2Bq+%2F%C3%A9%22%5C%3C7".into()),
        ("form, lower case", "p%2bq+%2f%c3%a9%22%5c%3c7".into()),
        ("percent", "p%2Bq%20%2F%C3%A9%22%5C%3C7".into()),
        ("JSON", "p+q /é\\\"\\\\<7".into()),
        ("JSON with \\/", "p+q \\/é\\\"\\\\<7".into()),
        (
            "ASCII JSON",
            "p\\u002bq /\\u00e9\\u0022\\u005c\\u003c7".into(),
        ),
        ("base64", BASE64_STANDARD_NO_PAD.encode(secret)),
        ("base64url", BASE64_URL_SAFE_NO_PAD.encode(secret)),
    ] {
        assert_eq!(
            show(secret, &format!("<{quoted}>")),
            "<[redacted]>",
            "{name}"
        );
    }
}

/// What encoders make of a secret: hardly two of them escape the same characters.
#[test]
fn the_secret_is_taken_out_whoever_encoded_it() {
    let odd = r#"ab<c>+d/e~f&g"h\i"#;
    for (name, secret, quoted) in [
        (
            "Python's quote",
            "s3cr3t+very/secret=42",
            "s3cr3t%2Bvery/secret%3D42",
        ),
        ("encodeURIComponent", "a!b(c)d+e f", "a!b(c)d%2Be%20f"),
        ("escape, Latin-1", "pässwört+x", "p%E4ssw%F6rt+x"),
        ("Go's JSON", odd, r#"ab\u003cc\u003e+d/e~f\u0026g\"h\\i"#),
        (
            ".NET's JSON",
            odd,
            r#"ab\u003Cc\u003E\u002Bd/e~f\u0026g\u0022h\\i"#,
        ),
        ("quote_plus", odd, "ab%3Cc%3E%2Bd%2Fe~f%26g%22h%5Ci"),
        (
            "Python's JSON",
            "pässwört\"x+1",
            r#"p\u00e4ssw\u00f6rt\"x+1"#,
        ),
        ("JSON beyond 16 bits", "pass🔑word", r"pass\ud83d\udd11word"),
        (
            "a log of nginx",
            "pä\"ss+wört",
            r"p\xC3\xA4\x22ss+w\xC3\xB6rt",
        ),
        ("HTML", odd, r"ab&lt;c&gt;+d/e~f&amp;g&quot;h\i"),
        (
            "HTML in numbers",
            "it's+\"<ü>\"",
            "it&#39;s&#x2B;&#34;&#60;&#xFC;&gt;&#x22;",
        ),
        ("HTML, a backslash left", r"c:\temp&x", r"c:\temp&amp;x"),
        ("a string in a shell", "pa$$ w'rd", r"pa\$\$\ w\'rd"),
        ("JSON in JSON", odd, r#"ab<c>+d/e~f&g\\\"h\\\\i"#),
        ("a URL in JSON in HTML", "a/b+c&d", r"a\/b%2Bc\u0026amp;d"),
        ("a URL in a URL", "a/b+c&d", "a%252Fb%252Bc%2526d"),
        ("base64 in a URL", "<<???>>~~", "PDw%2FPz8%2BPn5%2B"),
        ("base64 in JSON", "<<???>>~~", r"PDw\/Pz8+Pn5+"),
        ("base64 in a form", "<<???>>~~", "PDw/Pz8 Pn5 "),
        (
            "form in base64",
            "s3cret+&=",
            &BASE64_STANDARD_NO_PAD.encode("s3cret%2B%26%3D"),
        ),
    ] {
        assert_eq!(
            show(secret, &format!("({quoted})")),
            "([redacted])",
            "{name}"
        );
        assert!(redactor(secret).quotes_secret(quoted), "{name}");
    }
}

#[test]
fn what_stands_around_the_secret_stays_as_it_was_written() {
    for (text, expected) in [
        ("%41&amp;s3cr%65t\\n+x", "%41&amp;[redacted]\\n+x"),
        ("ä\\s3cret%C3", "ä\\[redacted]%C3"),
        ("s3cretS3CRET", "[redacted][redacted]"),
        ("s3cre%74s3cre%", "[redacted]s3cre%"),
    ] {
        assert_eq!(show("s3cret", text), expected);
    }
    assert_eq!(
        show("abcab", "xabcabcabx"),
        "x[redacted]x",
        "places overlap"
    );
}

#[test]
fn a_long_text_is_looked_through_without_delay() {
    let start = std::time::Instant::now();
    for part in ["%2525", "\\\\\\u0026", "&amp;amp;%", "a", "%5Cu0026amp;"] {
        let text = part.repeat(64 * 1024 / part.len());
        show("aaaaaaaaaaaaaaaaaaaaaaaaaaaab", &text);
    }
    // Thousands of times as long would be quadratic.
    assert!(start.elapsed().as_secs() < 60);
}

#[test]
fn of_a_text_that_was_cut_the_end_is_not_shown() {
    let secret = "s3cret-s3cret-s3cret!";
    for cut in 1..secret.len() {
        for before in [
            "A".repeat(1000),
            "A".repeat(1000) + " ",
            format!("{secret} ").repeat(10),
        ] {
            let text = format!("said {before}{}", &secret[..cut]);
            let shown = redactor(secret).show_cut(&text).to_string();
            assert!(shown.starts_with("said [redacted]"), "{shown}");
            assert!(
                shown.ends_with("[redacted]") && !shown.contains("s3c"),
                "{shown}"
            );
        }
    }
    for at in 0..40 {
        let text = format!("{}{secret} {}", "é ".repeat(at), "é ".repeat(40 - at));
        let shown = redactor(secret).show_cut(&text).to_string();
        assert!(!shown.contains("s3c") && !shown.contains("cret"), "{shown}");
    }
    assert_eq!(redactor(secret).show_cut("").to_string(), REDACTED);
}

fn cleaned(secret: &str, json: &str) -> String {
    let mut members = serde_json::from_str(json).unwrap();
    redactor(secret).clean(&mut members);
    Value::Object(members).to_string()
}

#[test]
fn names_strings_and_numbers_beside_a_token_are_cleaned() {
    for (secret, json, expected) in [
        (
            "1234567890123456",
            r#"{"z":1.50,"k1234567890123456":"v","num":1234567890123456,"n":-12345678901234560.5,"a":true}"#,
            r#"{"z":1.50,"k[redacted]":"v","num":"[redacted]","n":"-[redacted]0.5","a":true}"#,
        ),
        (
            "s3cret",
            r#"{"a":[{"s3cret":{"xS3%63ret":["s3cret",null]}}],"b":"s3cre"}"#,
            r#"{"a":[{"[redacted]":{"x[redacted]":["[redacted]",null]}}],"b":"s3cre"}"#,
        ),
        (
            "token",
            r#"{"access_token":null,"token_type":"a token","my_token":1}"#,
            r#"{"access_token":null,"token_type":"a [redacted]","my_[redacted]":1}"#,
        ),
    ] {
        assert_eq!(cleaned(secret, json), expected);
    }
}

#[test]
fn what_could_be_a_token_is_taken_out_of_what_is_shown_without_a_secret_too() {
    let long = "a".repeat(40);
    let mut value = serde_json::json!({ "a": ["b c", long.as_str(), 7], "n": long.as_str() });
    Redactor::default().clean_for_show(&mut value);
    let expected = serde_json::json!({ "a": ["b c", REDACTED, 7], "n": REDACTED });
    assert_eq!(value, expected);
}

#[test]
fn the_secret_is_taken_out_of_basic_credentials() {
    let secret = "correct horse";
    for id in ["a", "ab", "abc"] {
        let basic = BASE64_STANDARD_NO_PAD.encode(format!("{id}:{secret}"));
        let shown = show(secret, &basic);
        assert!(shown.contains(REDACTED), "{shown}");
        assert!(
            basic.len() - (shown.len() - REDACTED.len()) > secret.len(),
            "{shown}"
        );
    }
}

/// Its base64 would be one letter, or two, and those are everywhere.
#[test]
fn a_secret_of_a_letter_does_not_hide_all_that_is_said() {
    let said = "invalid_client: these are not the credentials";
    assert_eq!(show("x", said), said);
    assert_eq!(show("xy", said), said);
}

#[test]
fn what_could_be_a_token_is_taken_out() {
    let (short, long) = ("a".repeat(39), "a".repeat(40));
    assert_eq!(show("s3cret", &short), short);
    assert_eq!(show("s3cret", &long), REDACTED);
    assert_eq!(show("s3cret", &format!("x {long}== y")), "x [redacted] y");
    assert_eq!(show("s3cret", &format!("é{long}é")), "é[redacted]é");
}

#[test]
fn no_more_than_the_beginning_is_shown() {
    let shown = show("s3cret", &"é ".repeat(200));
    assert_eq!(shown.chars().count(), SHOWN_LENGTH + 1);
    let shown = show("s3cret", &format!("{}s3cret", "é".repeat(SHOWN_LENGTH - 3)));
    assert!(
        !shown.contains("s3c"),
        "cut after the secret is found: {shown}"
    );
}

/// `text` with each character as it is or escaped, as `choices` has it, in one of three ways.
fn escaped(text: &str, mark: u8, choices: u64) -> String {
    let escape = |c: char| match mark {
        b'%' => c
            .to_string()
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect(),
        b'\\' => c
            .encode_utf16(&mut [0; 2])
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect(),
        _ => format!("&#x{:x};", u32::from(c)),
    };
    let all = text.chars().enumerate();
    all.map(
        |(n, c)| match choices >> (n % 64) & 1 == 1 || c == char::from(mark) {
            true => escape(c),
            false => c.to_string(),
        },
    )
    .collect()
}

proptest::proptest! {
    #[test]
    fn no_form_of_the_secret_is_shown(
        secret in "\\PC{8,30}", before in "\\PC{0,60}", after in "\\PC{0,60}", shift in 0_usize..3,
        layers in proptest::collection::vec((0..3_usize, proptest::prelude::any::<u64>()), 0..=LAYERS),
    ) {
        let shifted = [&[b':'; 2][..shift], secret.as_bytes(), before.as_bytes()].concat();
        for form in [
            secret.clone(),
            BASE64_STANDARD_NO_PAD.encode(&shifted),
            BASE64_URL_SAFE_NO_PAD.encode(&shifted),
        ] {
            let quoted = layers.iter().fold(form, |text, (mark, choices)| escaped(&text, MARKS[*mark], *choices));
            // The space, so that what stands before it is no part of an escape.
            for text in [format!("{before} {quoted}{after}"), format!("{before} {quoted}{quoted}{after}")] {
                let redacted = redactor(&secret).without_secret(&text, text.len()).into_owned();
                assert!(redacted.contains(REDACTED), "{redacted:?} of {text:?}");
                let shown = redactor(&secret).show(&text).to_string();
                let rest = shown.replace(REDACTED, "\n");
                assert!(!redactor(&secret).quotes_secret(&rest), "{shown:?} of {text:?}");
                assert!(shown.chars().count() <= SHOWN_LENGTH + 1);
            }
        }
    }

    #[test]
    fn what_is_not_the_secret_is_shown_as_it_is(text in "[a-z ]{0,30}") {
        assert_eq!(show("S3CRET-of-ours", &text), text.trim());
    }
}
