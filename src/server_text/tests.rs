//! Tables and properties of what is shown.

use super::*;

fn redactor(secret: &str) -> Redactor {
    Redactor::new(&ClientSecret::new(secret.into()))
}

fn show(secret: &str, text: &str) -> String {
    redactor(secret).show(text).to_string()
}

/// What encoders make of a secret: hardly two of them escape the same characters.
#[test]
fn a_text_that_quotes_the_secret_is_not_shown() {
    let odd = r#"ab<c>+d/e~f&g"h\i"#;
    for (name, secret, quoted) in [
        ("as it is", odd, odd),
        ("in capitals", "s3cret-s3cret", "S3CRET-S3CRET"),
        ("a form body", odd, "ab%3Cc%3E%2Bd%2Fe%7Ef%26g%22h%5Ci"),
        ("encodeURIComponent", "a!b(c)d+e f", "a!b(c)d%2Be%20f"),
        ("escape() in Latin-1", "pässwört+x", "p%E4ssw%F6rt+x"),
        (
            ".NET's JSON",
            odd,
            r#"ab\u003Cc\u003E\u002Bd/e~f\u0026g\u0022h\\i"#,
        ),
        ("Python's JSON", "pässwört\"x", r#"p\u00e4ssw\u00f6rt\"x"#),
        ("JSON of an emoji", "pa🔑wo", r"pa\ud83d\udd11wo"),
        ("a log of nginx", "pä\"ss+wö", r"p\xC3\xA4\x22ss+w\xC3\xB6"),
        ("HTML", odd, r"ab&lt;c&gt;+d/e~f&amp;g&quot;h\i"),
        (
            "HTML with numbers",
            "it's+\"so\"",
            "it&#39;s&#x2B;&#34;so&#x22;",
        ),
        ("JSON in JSON", odd, r#"ab<c>+d/e~f&g\\\"h\\\\i"#),
        (
            "JSON in JSON, in ASCII",
            "a+b+c+d",
            r"a\u005cu002bb\u005cu002bc\u005cu002bd",
        ),
        ("a URL in JSON in HTML", "a/b+c&d", r"a\/b%2Bc\u0026amp;d"),
        (
            "a URL in a URL",
            "a/b🔑c&d",
            "a%252Fb%25F0%259F%2594%2591c%2526d",
        ),
        ("NULs between letters", "s3cret", "s\x003\0c\0r\0e\0t\0"),
        ("not ASCII", "пароль", "ваш пароль неверен"),
        ("punctuation alone", "+/+/=", "(+/+/=)"),
        ("three letters", "qzx", "no qzx here"),
        (
            "a half of it",
            "0123456789abcdef0123456789abcdef",
            "secret 89abcdef… is wrong",
        ),
        (
            "four letters of it",
            "0123456789abcdef",
            "secret ****cdef is wrong",
        ),
        ("a part between punctuation", "ab/wxyz+cd", "no such wxyz"),
    ] {
        let text = format!("before ({quoted}) after");
        assert_eq!(show(secret, &text), NOT_SHOWN, "{name}");
    }
}

#[test]
fn a_text_that_does_not_quote_it_is_shown() {
    let text = "the client is not active yet; try again in 5 minutes";
    for secret in [
        "x",
        "xy",
        "",
        "!!",
        "s3+cr/t& =%\"'\\pw~Zq9",
        "6fb2c0de41d84a1f9c0f2e0d8b7a6c55",
        "пароль",
        "a1-b2",
    ] {
        assert_eq!(show(secret, text), text, "{secret}");
    }
    assert_eq!(Redactor::default().show(text).to_string(), text);
}

#[test]
fn a_run_as_long_as_a_token_is_not_shown() {
    let run = |length| "Ab9-._~+/".chars().cycle().take(length).collect::<String>();
    for (length, is_shown) in [(19, true), (20, false), (2000, false)] {
        let shown = show("s3cret", &format!("é {}: x", run(length)));
        match is_shown {
            true => assert_eq!(shown, format!("é {}: x", run(length))),
            false => assert!(shown.starts_with("é [redacted]"), "{shown}"),
        }
    }
    for at in 0..30 {
        let shown = show(
            "s3cret",
            &format!("{} {}", "é".repeat(SHOWN_CHARS - at), run(60)),
        );
        assert!(!shown.contains("Ab9"), "{shown}");
    }
    let host = "login.long-company-name.invalid/a/b";
    assert_eq!(redactor("s3cret").show_parts(host).to_string(), host);
    let shown = redactor("s3cret").show_parts(&format!("host/{}", "a".repeat(20)));
    assert_eq!(shown.to_string(), "host/[redacted]");
}

#[test]
fn the_first_200_characters_are_shown() {
    let shown = show("s3cret", &"é ".repeat(200));
    assert_eq!(shown.chars().count(), SHOWN_CHARS + 1);
    assert!(shown.ends_with('…'));
}

#[test]
fn what_a_terminal_or_a_log_obeys_is_escaped() {
    for (text, shown, json) in [
        ("plain é 漢 #1", "plain é 漢 #1", "plain é 漢 #1"),
        (
            "\u{1b}[31mred\r\n",
            "\\u{1b}[31mred\\r\\n",
            "\\u001b[31mred\\u000d\\u000a",
        ),
        ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}", "\\u009b31m\\u007f"),
        (
            "\u{202e}evil\u{2066}",
            "\\u{202e}evil\\u{2066}",
            "\\u202eevil\\u2066",
        ),
        (
            "a\u{200b}b\u{e0041}",
            "a\\u{200b}b\\u{e0041}",
            "a\\u200bb\\udb40\\udc41",
        ),
        (
            "##vso[x] ###",
            "# #vso[x] # # #",
            "#\\u0023vso[x] #\\u0023#",
        ),
    ] {
        assert_eq!(escaped(text), shown);
        assert_eq!(escaped_json(text.to_owned()), json);
        assert_eq!(
            show("s3cret", text).trim_end_matches("\\r\\n"),
            shown.trim_end_matches("\\r\\n")
        );
    }
}

#[test]
fn of_json_the_members_for_people_are_shown() {
    for (json, shown) in [
        (
            r#"{"accessToken":"aaaa|bbbb!cccc","x":1}"#,
            "members: accessToken, x",
        ),
        (r#"{"aaaaaaaaaabbbbbbbbbb":1}"#, "members: [redacted]"),
        (r#"{}"#, "members:"),
        (
            r#"{"statusCode":401,"message":"Access denied","token":"t"}"#,
            "Access denied",
        ),
        (
            r#"{"Title":"Not Found","detail":"no such path","trace":"t"}"#,
            "Not Found, no such path",
        ),
        (
            r#"{"error":{"code":"401","message":"no key","token":"t"}}"#,
            "401, no key",
        ),
        (
            r#"{"Error":{"Code":"c","Message":"m","Description":"d"}}"#,
            "c, m, d",
        ),
        (
            r#"{"message":" ","error":7,"detail":["t"]}"#,
            "members: message, error, detail",
        ),
        (r#"{"message":"s3cr\u0065t s3cr\u0065t"}"#, NOT_SHOWN),
    ] {
        let members = serde_json::from_str(json).unwrap();
        let text = redactor("s3cret-s3cret").show_members(&members).to_string();
        assert_eq!(text, shown, "{json}");
    }
}

#[test]
fn names_and_values_beside_a_token_that_quote_the_secret_are_replaced() {
    for (secret, json, expected) in [
        (
            "1234567890123456",
            r#"{"z":1.50,"k1234567890123456":"v","num":1234567890123456,"n":-12345678901234560.5,"a":true}"#,
            r#"{"z":1.50,"[redacted]":"v","num":"[redacted]","n":"[redacted]","a":true}"#,
        ),
        (
            "s3cret/s3cret",
            r#"{"a":[{"s3cret%2Fs3cret":{"x":["S3cret\/S3cret",null]}}],"b":"s3cret"}"#,
            r#"{"a":"[redacted]","b":"s3cret"}"#,
        ),
        (
            "token",
            r#"{"access_token":null,"scope":"a token","my_token":1}"#,
            r#"{"access_token":null,"scope":"[redacted]","[redacted]":1}"#,
        ),
    ] {
        let mut members = serde_json::from_str(json).unwrap();
        redactor(secret).clean(&mut members);
        assert_eq!(Value::Object(members).to_string(), expected);
    }
}

#[test]
fn a_claim_that_quotes_the_secret_or_has_a_long_run_is_replaced() {
    let run = |length| "a".repeat(length);
    for (claim, is_shown) in [
        (
            serde_json::json!("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
            true,
        ),
        (serde_json::json!(["a", 7]), true),
        (serde_json::json!("b s3cret c"), false),
        (serde_json::json!(["a", { "b": "s3cret" }]), false),
        (serde_json::json!(run(IDENTIFIER_CHARS - 1)), true),
        (serde_json::json!(run(IDENTIFIER_CHARS)), false),
    ] {
        let mut value = claim.clone();
        redactor("s3cret").clean_for_show(&mut value);
        let expected = if is_shown { claim } else { REDACTED.into() };
        assert_eq!(value, expected);
    }
}

#[test]
fn a_long_text_is_searched_in_linear_time() {
    let start = std::time::Instant::now();
    for part in ["%2525", "a", "a+", "a%2B"] {
        let text = part.repeat(64 * 1024 / part.len());
        show("a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+ab", &text);
    }
    // Quadratic would be thousands of times as long.
    assert!(start.elapsed().as_secs() < 60);
}

/// `text` with each character that is no letter or digit as it is or escaped, as `choices` has it, in one of three ways.
fn quoted(text: &str, style: u8, choices: u64) -> String {
    let escape = |c: char| match style {
        0 => c
            .to_string()
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect(),
        1 => c
            .encode_utf16(&mut [0; 2])
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect(),
        _ => format!("&#x{:x};", u32::from(c)),
    };
    let all = text.chars().enumerate();
    all.map(
        |(n, c)| match choices >> (n % 64) & 1 == 1 && !c.is_ascii_alphanumeric() {
            true => escape(c),
            false => c.to_string(),
        },
    )
    .collect()
}

proptest::proptest! {
    #[test]
    fn however_the_secret_is_quoted_none_of_the_text_is_shown(
        secret in "[a-zA-Z0-9]{2}\\PC{8,30}[a-zA-Z0-9]{2}", before in "\\PC{0,60}", after in "\\PC{0,60}",
        style in 0..3_u8, choices: u64,
    ) {
        let text = format!("{before} {} {after}", quoted(&secret, style, choices));
        assert_eq!(show(&secret, &text), NOT_SHOWN, "{text:?}");
    }

    #[test]
    fn no_four_letters_of_the_secret_are_ever_shown(secret in "[a-z0-9]{8}[a-z0-9+/ ]{0,24}", text in "\\PC{0,300}", at in 0..30_usize) {
        let quoted = secret.get(at..).unwrap_or_default();
        let shown = show(&secret, &format!("{text}{quoted}{text}"));
        let letters = letters_and_digits(&shown.replace(NOT_SHOWN, ""));
        for piece in letters_and_digits(&secret).as_bytes().windows(PIECE_CHARS) {
            assert!(!letters.as_bytes().windows(PIECE_CHARS).any(|shown| shown == piece), "{shown:?}");
        }
    }

    #[test]
    fn text_without_the_secret_is_shown_as_it_is(text in "[a-z]{0,15}( [a-z]{0,15}){0,10}") {
        // No four consecutive characters of this secret are letters.
        assert_eq!(show("S3CR3T-0F-0UR5", &text), text.trim());
    }
}
