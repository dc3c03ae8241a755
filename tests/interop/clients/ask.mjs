// openid-client gets a token for a scope, by form and by Basic: node ask.mjs BASE_URL ID SECRET SCOPE
import * as openid from 'openid-client';

const [baseUrl, clientId, clientSecret, scope] = process.argv.slice(2);
const server = { issuer: baseUrl, token_endpoint: `${baseUrl}/connect/token` };
for (const authenticate of [openid.ClientSecretPost, openid.ClientSecretBasic]) {
  const configuration = new openid.Configuration(server, clientId, {}, authenticate(clientSecret));
  openid.allowInsecureRequests(configuration); // plain http on loopback
  try {
    const answer = await openid.clientCredentialsGrant(configuration, { scope });
    console.log(answer.access_token);
  } catch (refused) {
    console.log(refused.status, refused.error);
    process.exitCode = 1;
  }
}
