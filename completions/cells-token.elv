
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
            cand status 'Show the settings in effect and the cached token, offline'
            cand forget 'Delete cached tokens'
            cand sandbox 'Run a command against a local token endpoint, no account needed'
            cand serve 'Run a caching token proxy for many clients'
            cand completions 'Print a shell completion script'
        }
        &'cells-token;get'= {
            cand --client-id 'Client ID [env: CELLS_CLIENT_ID]'
            cand --client-secret 'Client secret [env: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'Read the secret from a file (- for stdin)'
            cand --client-secret-command 'Shell command that prints the client secret'
            cand --base-url 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]'
            cand --token-url 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]'
            cand --ca-cert 'PEM file of CAs to trust besides the system''s [env: CELLS_CA_CERT]'
            cand --proxy 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]'
            cand --retries 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]'
            cand --min-ttl 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]'
            cand --cache-dir 'Cache directory [env: CELLS_CACHE_DIR]'
            cand -o 'Output format'
            cand --output 'Output format'
            cand --env-name 'Variable name for -o env [default: CELLS_ACCESS_TOKEN]'
            cand --no-input 'Never prompt [env: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Don''t read or write the cache [env: CELLS_NO_CACHE]'
            cand --refresh 'Ignore the cached token and request a new one'
            cand -v 'Explain each step on stderr'
            cand --verbose 'Explain each step on stderr'
            cand -q 'Print errors only'
            cand --quiet 'Print errors only'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;run'= {
            cand --client-id 'Client ID [env: CELLS_CLIENT_ID]'
            cand --client-secret 'Client secret [env: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'Read the secret from a file (- for stdin)'
            cand --client-secret-command 'Shell command that prints the client secret'
            cand --base-url 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]'
            cand --token-url 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]'
            cand --ca-cert 'PEM file of CAs to trust besides the system''s [env: CELLS_CA_CERT]'
            cand --proxy 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]'
            cand --retries 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]'
            cand --min-ttl 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]'
            cand --cache-dir 'Cache directory [env: CELLS_CACHE_DIR]'
            cand --env-name 'Variable for the token [default: CELLS_ACCESS_TOKEN]'
            cand --no-input 'Never prompt [env: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Don''t read or write the cache [env: CELLS_NO_CACHE]'
            cand --refresh 'Ignore the cached token and request a new one'
            cand -v 'Explain each step on stderr'
            cand --verbose 'Explain each step on stderr'
            cand -q 'Print errors only'
            cand --quiet 'Print errors only'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;status'= {
            cand --client-id 'Client ID [env: CELLS_CLIENT_ID]'
            cand --client-secret 'Client secret [env: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'Read the secret from a file (- for stdin)'
            cand --client-secret-command 'Shell command that prints the client secret'
            cand --base-url 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]'
            cand --token-url 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]'
            cand --ca-cert 'PEM file of CAs to trust besides the system''s [env: CELLS_CA_CERT]'
            cand --proxy 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]'
            cand --retries 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]'
            cand --min-ttl 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]'
            cand --cache-dir 'Cache directory [env: CELLS_CACHE_DIR]'
            cand -o 'Output format'
            cand --output 'Output format'
            cand --no-input 'Never prompt [env: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Don''t read or write the cache [env: CELLS_NO_CACHE]'
            cand -v 'Explain each step on stderr'
            cand --verbose 'Explain each step on stderr'
            cand -q 'Print errors only'
            cand --quiet 'Print errors only'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;forget'= {
            cand --client-id 'Client ID of the token to delete [env: CELLS_CLIENT_ID]'
            cand --base-url 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]'
            cand --token-url 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]'
            cand --cache-dir 'Cache directory [env: CELLS_CACHE_DIR]'
            cand --timeout 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]'
            cand --all 'Delete the tokens of all client IDs and token URLs'
            cand --allow-http 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
            cand -v 'Explain each step on stderr'
            cand --verbose 'Explain each step on stderr'
            cand -q 'Print errors only'
            cand --quiet 'Print errors only'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;sandbox'= {
            cand --expires-in 'Lifetime of the tokens [default: 1h]'
            cand --respond 'Statuses to answer with, in turn: 503,429,200'
            cand -v 'Explain each step on stderr'
            cand --verbose 'Explain each step on stderr'
            cand -q 'Print errors only'
            cand --quiet 'Print errors only'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'cells-token;serve'= {
            cand --listen 'Address to listen on [default: 127.0.0.1:8470]'
            cand --tls-cert 'TLS certificate chain (PEM file)'
            cand --tls-key 'TLS private key (PEM file)'
            cand --caller-key-file 'Keys of callers without credentials, one a line'
            cand --client-id 'Client ID [env: CELLS_CLIENT_ID]'
            cand --client-secret 'Client secret [env: CELLS_CLIENT_SECRET]'
            cand --client-secret-file 'Read the secret from a file (- for stdin)'
            cand --client-secret-command 'Shell command that prints the client secret'
            cand --base-url 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]'
            cand --token-url 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]'
            cand --ca-cert 'PEM file of CAs to trust besides the system''s [env: CELLS_CA_CERT]'
            cand --proxy 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]'
            cand --timeout 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]'
            cand --retries 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]'
            cand --min-ttl 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]'
            cand --cache-dir 'Cache directory [env: CELLS_CACHE_DIR]'
            cand --listen-http 'Allow plain http beyond loopback'
            cand --no-input 'Never prompt [env: CELLS_NO_INPUT, CI]'
            cand --allow-http 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
            cand --no-cache 'Don''t read or write the cache [env: CELLS_NO_CACHE]'
            cand -v 'Explain each step on stderr'
            cand --verbose 'Explain each step on stderr'
            cand -q 'Print errors only'
            cand --quiet 'Print errors only'
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
