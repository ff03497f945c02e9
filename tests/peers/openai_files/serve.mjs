// Starts Selvage, makes somebody with an API key, and runs programs against it. Arguments: the command that starts it, then the programs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const [command, ...programs] = process.argv.slice(2);
const server = spawn(command, ["--listen", "127.0.0.1:0"], { shell: true, detached: true, stdio: ["ignore", "pipe", "inherit"] });

async function address() {
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.startsWith("listening on ")) return line.slice("listening on ".length).trim();
  }
  throw new Error("the server did not start");
}

async function post(url, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(response.status, 201, url);
  return response.json();
}

try {
  const url = await address();
  const { access_token } = await post(`${url}/api/auth/signup`, { email: "ada@example.com", password: "correct horse battery staple" });
  const { token } = await post(`${url}/api/tokens`, { name: "sdk", scopes: ["chat", "conversations:read", "conversations:write", "files:read", "files:write"] }, access_token);
  for (const program of programs) {
    const child = spawn(program, { shell: true, stdio: "inherit", env: { ...process.env, SELVAGE_URL: url, SELVAGE_KEY: token } });
    const [status] = await once(child, "exit");
    assert.equal(status, 0, program);
  }
} finally {
  process.kill(-server.pid, "SIGTERM");
}
