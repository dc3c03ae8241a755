# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_cells_token_global_optspecs
    string join \n h/help V/version
end

function __fish_cells_token_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_cells_token_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_cells_token_using_subcommand
    set -l cmd (__fish_cells_token_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c cells-token -n "__fish_cells_token_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_needs_command" -s V -l version -d 'Print version'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "get" -d 'Print an access token'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "run" -d 'Run a command with an access token in its environment'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "login" -d 'Check credentials and save them as a profile'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "logout" -d 'Delete a profile and its secret'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "status" -d 'Show the settings in effect and the cached token, offline'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "forget" -d 'Delete cached tokens'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "sandbox" -d 'Run a command against a local token endpoint, no account needed'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "serve" -d 'Run a caching token proxy for many clients'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "completions" -d 'Print a shell completion script'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l client-id -d 'Client ID [env: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l client-secret -d 'Client secret [env: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l client-secret-file -d 'Read the secret from a file (- for stdin)' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l client-secret-command -d 'Shell command that prints the client secret' -r -f -a "(__fish_complete_command)"
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l profile -d 'Use a profile saved by login [env: CELLS_PROFILE]' -r -f -a '(cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p")'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l base-url -d 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l token-url -d 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l ca-cert -d 'PEM file of CAs to trust besides the system\'s [env: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l proxy -d 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l timeout -d 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l retries -d 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l min-ttl -d 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l cache-dir -d 'Cache directory [env: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s o -l output -d 'Output format' -r -f -a "raw\t'The token (default)'
json\t'The response plus obtained_at, expires_at, from_cache'
header\t'An Authorization header, for curl -H @-'
env\t'NAME=TOKEN, for dotenv files and docker --env-file'"
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l env-name -d 'Variable name for -o env [default: CELLS_ACCESS_TOKEN]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l no-input -d 'Never prompt [env: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l allow-http -d 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l no-cache -d 'Don\'t read or write the cache [env: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l refresh -d 'Ignore the cached token and request a new one'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l client-id -d 'Client ID [env: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l client-secret -d 'Client secret [env: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l client-secret-file -d 'Read the secret from a file (- for stdin)' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l client-secret-command -d 'Shell command that prints the client secret' -r -f -a "(__fish_complete_command)"
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l profile -d 'Use a profile saved by login [env: CELLS_PROFILE]' -r -f -a '(cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p")'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l base-url -d 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l token-url -d 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l ca-cert -d 'PEM file of CAs to trust besides the system\'s [env: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l proxy -d 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l timeout -d 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l retries -d 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l min-ttl -d 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l cache-dir -d 'Cache directory [env: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l env-name -d 'Variable for the token [default: CELLS_ACCESS_TOKEN]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l no-input -d 'Never prompt [env: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l allow-http -d 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l no-cache -d 'Don\'t read or write the cache [env: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l refresh -d 'Ignore the cached token and request a new one'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l store -d 'Save the secret in the keyring or a file [env: CELLS_STORE]' -r -f -a "keyring\t''
file\t''"
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l profile -d 'Profile to save [env: CELLS_PROFILE]' -r -f -a '(cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p")'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l client-id -d 'Client ID [env: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l client-secret -d 'Client secret [env: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l client-secret-file -d 'Read the secret from a file (- for stdin)' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l client-secret-command -d 'Shell command that prints the client secret' -r -f -a "(__fish_complete_command)"
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l base-url -d 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l token-url -d 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l ca-cert -d 'PEM file of CAs to trust besides the system\'s [env: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l proxy -d 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l timeout -d 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l retries -d 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l make-default -d 'Make this the default profile'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l no-check -d 'Save without checking the credentials'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l no-input -d 'Never prompt [env: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -l allow-http -d 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand logout" -l profile -d 'Profile to delete [env: CELLS_PROFILE] [default: the default profile]' -r -f -a '(cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p")'
complete -c cells-token -n "__fish_cells_token_using_subcommand logout" -l all -d 'Delete all profiles'
complete -c cells-token -n "__fish_cells_token_using_subcommand logout" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand logout" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l client-id -d 'Client ID [env: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l client-secret -d 'Client secret [env: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l client-secret-file -d 'Read the secret from a file (- for stdin)' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l client-secret-command -d 'Shell command that prints the client secret' -r -f -a "(__fish_complete_command)"
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l profile -d 'Use a profile saved by login [env: CELLS_PROFILE]' -r -f -a '(cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p")'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l base-url -d 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l token-url -d 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l ca-cert -d 'PEM file of CAs to trust besides the system\'s [env: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l proxy -d 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l timeout -d 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l retries -d 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l min-ttl -d 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l cache-dir -d 'Cache directory [env: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s o -l output -d 'Output format' -r -f -a "text\t'Plain text (default)'
json\t'A JSON object'"
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l no-input -d 'Never prompt [env: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l allow-http -d 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l no-cache -d 'Don\'t read or write the cache [env: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l client-id -d 'Client ID of the token to delete [env: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l profile -d 'Use a profile saved by login [env: CELLS_PROFILE]' -r -f -a '(cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p")'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l base-url -d 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l token-url -d 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l cache-dir -d 'Cache directory [env: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l timeout -d 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l all -d 'Delete the tokens of all client IDs and token URLs'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l allow-http -d 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -l expires-in -d 'Lifetime of the tokens [default: 1h]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -l respond -d 'Statuses to answer with, in turn: 503,429,200' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l listen -d 'Address to listen on [default: 127.0.0.1:8470]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l tls-cert -d 'TLS certificate chain (PEM file)' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l tls-key -d 'TLS private key (PEM file)' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l caller-key-file -d 'Keys of callers without credentials, one a line' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l client-id -d 'Client ID [env: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l client-secret -d 'Client secret [env: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l client-secret-file -d 'Read the secret from a file (- for stdin)' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l client-secret-command -d 'Shell command that prints the client secret' -r -f -a "(__fish_complete_command)"
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l profile -d 'Use a profile saved by login [env: CELLS_PROFILE]' -r -f -a '(cells-token status 2>/dev/null | sed -n "s/^profile  *\([A-Za-z0-9._-]*\).*/\1/p")'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l base-url -d 'API base URL [env: CELLS_BASE_URL] [default: https://api.aspose.cloud]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l token-url -d 'Token endpoint URL, instead of a base URL [env: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l ca-cert -d 'PEM file of CAs to trust besides the system\'s [env: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l proxy -d 'Proxy URL [env: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l timeout -d 'Time limit for the whole run [env: CELLS_TIMEOUT] [default: 90s]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l retries -d 'Retries after a transient failure [env: CELLS_RETRIES] [default: 3]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l min-ttl -d 'Minimum remaining lifetime of the token [env: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l cache-dir -d 'Cache directory [env: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l listen-http -d 'Allow plain http beyond loopback'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l no-input -d 'Never prompt [env: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l allow-http -d 'Allow http:// beyond loopback [env: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l no-cache -d 'Don\'t read or write the cache [env: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -s v -l verbose -d 'Explain each step on stderr'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -s q -l quiet -d 'Print errors only'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_seen_subcommand_from run sandbox; and contains -- -- (commandline -opc)" -f -a "(__fish_complete_command)"
