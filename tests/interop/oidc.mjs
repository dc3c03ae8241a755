// The authorization server of the interop suite: oidc-provider (certified by the OpenID Foundation), cut down to
// `POST /connect/token` with client_secret_post, client_credentials and JWT access tokens.
//
//     OIDC='{"clients": [{"client_id": "…", "client_secret": "…"}], "tls": {"key": "PEM", "cert": "PEM"}}' node oidc.mjs
//
// Without `tls` it speaks plain http. Prints its port on 127.0.0.1 as one line once it answers. Lives as long as its
// standard input is open, so that it never outlives the test that started it, however that test ends.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import process from 'node:process';
import Provider from 'oidc-provider';

const TOKEN_LIFETIME_SECONDS = 3600;
// The vendor's API has the token route below a path of its own.
const VENDOR_PREFIX = '/v4.0/cells';

const leave = () => process.exit();
process.stdin.on('end', leave).on('error', leave).resume();

const { clients, tls } = JSON.parse(process.env.OIDC);
const server = tls ? https.createServer(tls) : http.createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

// The clients are configured and JWTs are not kept, so there is nothing to store.
class NoStorage {
  async find() {}

  async upsert() {}
}

const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const provider = new Provider(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, {
  adapter: NoStorage,
  clientAuthMethods: ['client_secret_post'],
  clientDefaults: {
    grant_types: ['client_credentials'],
    id_token_signed_response_alg: 'ES256',
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
  },
  clients,
  cookies: { keys: [randomUUID()] }, // sets none, but warns without a key
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    // An access token is a JWT only for a resource, and cells-token names none: so there is a default one.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:cells',
      getResourceServerInfo: () => ({
        accessTokenFormat: 'jwt',
        accessTokenTTL: TOKEN_LIFETIME_SECONDS,
        jwt: { sign: { alg: 'ES256' } },
        scope: 'cells',
      }),
    },
  },
  jwks: { keys: [{ ...signingKey, alg: 'ES256', use: 'sig' }] },
  routes: { token: '/connect/token' },
});
provider.on('server_error', (_context, error) => console.error(error));

const answer = provider.callback();
server.on('request', (request, response) => {
  if (request.url.startsWith(`${VENDOR_PREFIX}/`)) {
    request.originalUrl = request.url; // as if mounted there: oidc-provider takes its prefix from the two
    request.url = request.url.slice(VENDOR_PREFIX.length);
  }
  answer(request, response);
});
console.log(port);
