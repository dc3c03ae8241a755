// The vendor's Node SDK gets a token before its first call of the API: node ask.cjs BASE_URL ID SECRET VERSION
const { CellsApi } = require('asposecellscloud');

const [baseUrl, clientId, clientSecret, version] = process.argv.slice(2);
const { configuration } = new CellsApi(clientId, clientSecret, version, baseUrl);
const options = { headers: {} };
configuration.authentication.applyToRequest(options, configuration).then(
  () => console.log(options.headers.Authorization),
  (refused) => {
    // The SDK itself looks for the vendor's form of error, and drops any other.
    console.log(refused.code, refused.message);
    process.exitCode = 1;
  },
);
