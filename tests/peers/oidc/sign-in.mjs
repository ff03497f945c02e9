// Signs in to a running Selvage with npm oidc-provider: by browser, by ID token and by opaque token. One argument: the command that starts it,
// which gets the variables in its environment.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { freePort } from "../selvage.mjs";
import { Browser } from "./browser.mjs";
import { CLIENT, start } from "./provider.mjs";

const APP = "http://127.0.0.1:9/signed-in";
const ELSEWHERE = "http://127.0.0.1:9/another-client";

async function startSelvage(command, port, home, issuer) {
  const providers = [{
    name: "npm", issuer, client_id: CLIENT.id, client_secret: CLIENT.secret, return_to: [APP], algorithms: ["RS256"],
    introspection: { url: `${issuer}/token/introspection` },
  }];
  const child = spawn(command, ["--listen", `127.0.0.1:${port}`, "--allow-origin", issuer], {
    env: { ...process.env, SPIN_VARIABLE_PUBLIC_URL: home, SPIN_VARIABLE_OIDC_PROVIDERS: JSON.stringify(providers) },
    shell: true,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("listening on ")) return child;
  }
  throw new Error("the server did not start");
}

async function call(method, url, { body, token } = {}) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  return { status: response.status, body: response.status === 204 ? null : await response.json() };
}

const challenge = (verifier) => createHash("sha256").update(verifier).digest("base64url");

// What the client gets who goes to the provider without Selvage: an ID token and an opaque one.
async function tokens(issuer, login) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    client_id: CLIENT.id, response_type: "code", redirect_uri: ELSEWHERE, scope: "openid email profile",
    code_challenge: challenge(verifier), code_challenge_method: "S256",
  });
  const { url } = await new Browser().signIn(`${issuer}/auth?${query}`, issuer, login, ELSEWHERE);
  const code = new URL(url).searchParams.get("code");
  const pair = `${encodeURIComponent(CLIENT.id)}:${encodeURIComponent(CLIENT.secret)}`;
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: ELSEWHERE, code_verifier: verifier }),
  });
  assert.equal(response.status, 200);
  return response.json();
}

async function run(home, issuer) {
  const me = async (signedIn) => {
    const answer = await call("GET", `${home}/api/me`, { token: signedIn.access_token });
    assert.equal(answer.status, 200);
    return answer.body;
  };
  const exchange = (body) => call("POST", `${home}/api/auth/exchange`, { body: { provider: "npm", ...body } });

  const { body: providers } = await call("GET", `${home}/api/auth/providers`);
  const [{ name, start_url: startUrl }] = providers.data;
  assert.equal(name, "npm");

  const direct = await new Browser().signIn(startUrl, issuer, "ada");
  assert.equal(direct.response.status, 200, `at ${direct.url}`);
  const ada = await me(await direct.response.json());
  assert.deepEqual([ada.email, ada.email_verified, ada.auth_provider], ["ada@example.com", true, "npm"]);
  console.log("ok   code flow, tokens as the answer");

  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({ return_to: APP, code_challenge: challenge(verifier) });
  const landed = await new Browser().signIn(`${startUrl}?${query}`, issuer, "ada", APP);
  const code = new URLSearchParams(new URL(landed.url).hash.slice(1)).get("code");
  const fetched = await exchange({ code, code_verifier: verifier });
  assert.equal(fetched.status, 200);
  assert.equal((await me(fetched.body)).id, ada.id);
  assert.equal((await exchange({ code, code_verifier: verifier })).status, 401);
  console.log("ok   code flow, sent on to the application; the code counts once");

  const { id_token: idToken, access_token: opaque } = await tokens(issuer, "ada");
  const byIdToken = await exchange({ token: idToken });
  assert.equal(byIdToken.status, 200);
  assert.equal((await me(byIdToken.body)).id, ada.id);
  console.log("ok   ID token");

  const byOpaque = await exchange({ token: opaque });
  assert.equal(byOpaque.status, 200);
  assert.equal((await me(byOpaque.body)).id, ada.id);
  console.log("ok   opaque token, introspected");

  const bob = await exchange({ token: (await tokens(issuer, "bob")).id_token });
  assert.notEqual((await me(bob.body)).id, ada.id);
  const [header, claims, signature] = idToken.split(".");
  const forged = JSON.parse(Buffer.from(claims, "base64url"));
  forged.sub = "bob";
  const forgery = Buffer.from(JSON.stringify(forged)).toString("base64url");
  assert.equal((await exchange({ token: `${header}.${forgery}.${signature}` })).status, 401);
  assert.equal((await exchange({ token: `${opaque}x` })).status, 401);
  console.log("ok   somebody else is somebody else; forgeries are refused");
}

const port = await freePort();
const home = `http://127.0.0.1:${port}`;
const provider = await start([`${home}/api/auth/oidc/npm/callback`, ELSEWHERE]);
const selvage = await startSelvage(process.argv[2], port, home, provider.issuer);
try {
  await run(home, provider.issuer);
} finally {
  const over = once(selvage, "exit");
  process.kill(-selvage.pid, "SIGINT");
  await over;
  provider.stop();
}
process.exit(0); // Connections that are kept alive would keep this alive too.
