# requests-oauth2client gets a token for a scope, twice: python ask.py BASE_URL ID SECRET SCOPE
# By form alone: its HTTP Basic does not encode id and secret first, as RFC 6749 section 2.3.1 requires.
import sys

from requests_oauth2client import ClientSecretPost, OAuth2Client, OAuth2Error

base_url, client_id, client_secret, scope = sys.argv[1:]
# Outside of tests it accepts https only.
client = OAuth2Client(base_url + "/connect/token", auth=ClientSecretPost(client_id, client_secret), testing=True)
try:
    for _ in range(2):
        print(client.client_credentials(scope=scope).access_token)
except OAuth2Error as refused:
    print(refused.response.status_code, refused.error)
    sys.exit(1)
