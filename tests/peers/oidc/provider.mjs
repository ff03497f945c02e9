// npm oidc-provider on loopback, with its own pages for typing a name.

import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

export const CLIENT = { id: "selvage", secret: "a-secret/with:reserved%characters" };

// `redirects` are where it may send browsers. Gives the issuer and a function that ends it.
export async function start(redirects) {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      redirect_uris: redirects,
      response_types: ["code"],
      grant_types: ["authorization_code"],
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: true }, introspection: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id }),
    }),
    pkce: { required: () => true },
  });
  server.on("request", provider.callback());
  return { issuer, stop: () => server.close() };
}
