# The vendor's Python SDK gets a token as soon as its client is made: python ask.py BASE_URL ID SECRET VERSION
import sys

from asposecellscloud.apis.cells_api import CellsApi
from asposecellscloud.rest import ApiException

base_url, client_id, client_secret, version = sys.argv[1:]
try:
    print(CellsApi(client_id, client_secret, version, base_url).access_token)
except ApiException as refused:
    print(refused.status, refused.body)
    sys.exit(1)
