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
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "status" -d 'Show what would be used and what is cached; makes no request'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "forget" -d 'Delete the cached token'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "sandbox" -d 'Run a command beside its own token endpoint: no account needed'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "serve" -d 'Answer a fleet in the API\'s place, with few requests to it'
complete -c cells-token -n "__fish_cells_token_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l client-id -d 'The client id [variable: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l client-secret -d 'The client secret [variable: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l client-secret-file -d 'A file with the secret; - is standard input' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l base-url -d 'Where the API is [variable: CELLS_BASE_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l token-url -d 'The token endpoint itself [variable: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l ca-cert -l cacert -d 'Certificates to trust besides the system\'s, in a PEM file [variable: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l proxy -d 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l timeout -d 'The limit on everything together [variable: CELLS_TIMEOUT]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l retries -d 'How often to try again what may pass by itself [variable: CELLS_RETRIES]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l min-ttl -d 'How long the token must live at least [variable: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l cache-dir -d 'Where the cache is [variable: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s o -l output -d 'The format' -r -f -a "raw\t'The token alone (the default)'
json\t'What the server said, with obtained_at, expires_at and from_cache'
header\t'Authorization: Bearer TOKEN, for curl -H @-'
env\t'NAME=TOKEN, for dotenv files, $GITHUB_ENV, docker --env-file'"
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l env-name -d 'The variable that -o env sets' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l no-input -d 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l allow-http -d 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l no-cache -d 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -l refresh -d 'Fetch a new token even if a good one is cached'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s v -l verbose -d 'Tell on standard error what is done, and why'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c cells-token -n "__fish_cells_token_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l client-id -d 'The client id [variable: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l client-secret -d 'The client secret [variable: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l client-secret-file -d 'A file with the secret; - is standard input' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l base-url -d 'Where the API is [variable: CELLS_BASE_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l token-url -d 'The token endpoint itself [variable: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l ca-cert -l cacert -d 'Certificates to trust besides the system\'s, in a PEM file [variable: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l proxy -d 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l timeout -d 'The limit on everything together [variable: CELLS_TIMEOUT]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l retries -d 'How often to try again what may pass by itself [variable: CELLS_RETRIES]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l min-ttl -d 'How long the token must live at least [variable: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l cache-dir -d 'Where the cache is [variable: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l env-name -d 'The variable that holds the token [default: CELLS_ACCESS_TOKEN]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l no-input -d 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l allow-http -d 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l no-cache -d 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -l refresh -d 'Fetch a new token even if a good one is cached'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -s v -l verbose -d 'Tell on standard error what is done, and why'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c cells-token -n "__fish_cells_token_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l client-id -d 'The client id [variable: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l client-secret -d 'The client secret [variable: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l client-secret-file -d 'A file with the secret; - is standard input' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l base-url -d 'Where the API is [variable: CELLS_BASE_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l token-url -d 'The token endpoint itself [variable: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l ca-cert -l cacert -d 'Certificates to trust besides the system\'s, in a PEM file [variable: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l proxy -d 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l timeout -d 'The limit on everything together [variable: CELLS_TIMEOUT]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l retries -d 'How often to try again what may pass by itself [variable: CELLS_RETRIES]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l min-ttl -d 'How long the token must live at least [variable: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l cache-dir -d 'Where the cache is [variable: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s o -l output -d 'The format' -r -f -a "text\t'Lines for a person (the default)'
json\t'One JSON object'"
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l no-input -d 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l allow-http -d 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -l no-cache -d 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s v -l verbose -d 'Tell on standard error what is done, and why'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c cells-token -n "__fish_cells_token_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l client-id -d 'Whose token is forgotten [variable: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l base-url -d 'Where the API is [variable: CELLS_BASE_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l token-url -d 'The token endpoint itself [variable: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l cache-dir -d 'Where the cache is [variable: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l timeout -d 'Wait half as long for requests under way [variable: CELLS_TIMEOUT]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l all -d 'Forget every token, of all client ids and token URLs'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -l allow-http -d 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -s v -l verbose -d 'Tell on standard error what is done, and why'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c cells-token -n "__fish_cells_token_using_subcommand forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -l expires-in -d 'How long the tokens live [default: 1h]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -l respond -d 'Statuses to answer with in turn: 503,429,200' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -s v -l verbose -d 'Tell on standard error what is done, and why'
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c cells-token -n "__fish_cells_token_using_subcommand sandbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l listen -d 'Where callers connect [default: 127.0.0.1:8470]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l tls-cert -d 'The certificate, in a PEM file' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l tls-key -d 'Its private key, in a PEM file' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l caller-key-file -d 'Keys of callers that need no secret, one a line' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l client-id -d 'The client id [variable: CELLS_CLIENT_ID]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l client-secret -d 'The client secret [variable: CELLS_CLIENT_SECRET]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l client-secret-file -d 'A file with the secret; - is standard input' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l base-url -d 'Where the API is [variable: CELLS_BASE_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l token-url -d 'The token endpoint itself [variable: CELLS_TOKEN_URL]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l ca-cert -l cacert -d 'Certificates to trust besides the system\'s, in a PEM file [variable: CELLS_CA_CERT]' -r -F
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l proxy -d 'The proxy to use, for loopback too [variables: HTTPS_PROXY, http_proxy, ALL_PROXY, NO_PROXY]' -r -f
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l timeout -d 'The limit on everything together [variable: CELLS_TIMEOUT]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l retries -d 'How often to try again what may pass by itself [variable: CELLS_RETRIES]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l min-ttl -d 'How long the token must live at least [variable: CELLS_MIN_TTL]' -r
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l cache-dir -d 'Where the cache is [variable: CELLS_CACHE_DIR]' -r -f -a "(__fish_complete_directories)"
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l listen-http -d 'Plain http to other machines'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l no-input -d 'Never prompt for what is missing [variables: CELLS_NO_INPUT, CI]'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l allow-http -d 'Permit http:// to other machines [variable: CELLS_ALLOW_HTTP]'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -l no-cache -d 'Neither read nor write the cache [variable: CELLS_NO_CACHE]'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -s v -l verbose -d 'Tell on standard error what is done, and why'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -s q -l quiet -d 'Say nothing on standard error but errors'
complete -c cells-token -n "__fish_cells_token_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cells-token -n "__fish_cells_token_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
