// The real server, started by a test, and calls to it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

const PASSWORD = "correct horse battery staple";

export async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// The events of a stream that has ended.
function events(text) {
  const field = (block, name) => block.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
  const blocks = text.split("\n\n").filter((block) => field(block, "data"));
  return blocks.map((block) => ({ id: Number(field(block, "id")), name: field(block, "event"), data: JSON.parse(field(block, "data")) }));
}

// Starts it with a shell command, to which options are added. Resolves once it listens.
export async function start(command, options, variables = {}) {
  const env = { ...process.env };
  for (const [name, value] of Object.entries(variables)) env[`SPIN_VARIABLE_${name.toUpperCase()}`] = value;
  const line = [command, "--listen", "127.0.0.1:0", ...options].join(" ");
  const child = spawn(line, { env, shell: true, detached: true, stdio: ["ignore", "pipe", "inherit"] });
  const over = once(child, "exit");
  for await (const text of createInterface({ input: child.stdout })) {
    const [, home] = text.match(/^listening on (.*)$/) ?? [];
    if (home) return new Selvage(child, over, home);
  }
  throw new Error("the server did not start");
}

class Selvage {
  constructor(child, over, home) {
    Object.assign(this, { child, over, home, opened: 0 });
    this.agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const connect = this.agent.createConnection;
    this.agent.createConnection = (...args) => {
      this.opened += 1;
      return connect.apply(this.agent, args);
    };
  }

  // Any request; JSON goes and comes. Of a stream of events, all of them.
  async call(method, path, body, token) {
    const headers = { "content-type": "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    const outgoing = request(this.home + path, { method, headers, agent: this.agent });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = await once(outgoing, "response");
    const pieces = await response.toArray();
    const text = Buffer.concat(pieces).toString();
    const isStream = response.headers["content-type"]?.startsWith("text/event-stream");
    return { status: response.statusCode, body: isStream ? events(text) : text ? JSON.parse(text) : null };
  }

  // Signs a new person up. Gives a function that calls with their token; its member `again` opens another session of theirs.
  async signUp(email) {
    const { status, body } = await this.call("POST", "/api/auth/signup", { email, password: PASSWORD });
    if (status !== 201) throw new Error(`sign-up: ${status} ${JSON.stringify(body)}`);
    const calling = (token) => (method, path, sent) => this.call(method, path, sent, token);
    const again = async () => {
      const switched = await this.call("POST", "/api/auth/switch", { account_id: body.account.id }, body.access_token);
      if (switched.status !== 200) throw new Error(`switch: ${switched.status} ${JSON.stringify(switched.body)}`);
      return calling(switched.body.access_token);
    };
    return Object.assign(calling(body.access_token), { again });
  }

  async stop() {
    process.kill(-this.child.pid, "SIGINT");
    await this.over;
  }
}
