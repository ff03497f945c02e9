// What can be connected to, and what was: inside a network namespace in which every address belongs to this machine.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const PORTS = [22, 25, 80, 443, 2375, 5432, 6379, 8080, 8200, 8443, 9200, 11434];

// Where a name of the test leads that leads anywhere. A documentation address is blocked like a private one.
export const PUBLIC = "93.184.216.34";

// Listeners at all addresses and the ports worth attacking. Each connection is noted by the address that was called, and closed.
export async function listen() {
  const called = [];
  for (const port of PORTS) {
    const server = createServer((socket) => {
      called.push(socket.localAddress.replace(/^::ffff:/, ""));
      socket.on("error", () => {});
      socket.destroy();
    });
    server.listen(port, "::");
    await once(server, "listening");
  }
  return called;
}

// A name server that gives each name under `rebind.` in turn a public address and this machine, and one under `both.` the two at once. It asks
// not to be remembered.
export async function resolve() {
  const asked = new Map();
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, type, end } = question(query);
    const times = asked.get(name) ?? 0;
    if (type === 1) asked.set(name, times + 1);
    socket.send(answer(query, end, addresses(name, type, times)), from.port, from.address);
  });
  socket.bind(53, "127.0.0.1");
  await once(socket, "listening");
  return asked;
}

function addresses(name, type, times) {
  const local = times % 4 === 1 ? "127.0.0.1" : "169.254.169.254";
  if (type !== 1) return [];
  if (name.startsWith("both.")) return [local, PUBLIC];
  if (name.startsWith("rebind.")) return [times % 2 ? local : PUBLIC];
  return [];
}

// RFC 1035, section 4.1.2: one question, whose name is not compressed.
function question(query) {
  const labels = [];
  let at = 12;
  while (query[at]) {
    labels.push(query.toString("latin1", at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answer(query, end, found) {
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(0x8180, 2);
  for (const [at, count] of [[6, found.length], [8, 0], [10, 0]]) head.writeUInt16BE(count, at);
  const records = found.map((address) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]));
  return Buffer.concat([head, ...records]);
}

// How many connections were begun in this namespace since it exists, answered or not, at whatever port.
export function begun() {
  const [names, values] = readFileSync("/proc/net/snmp", "utf8").match(/^Tcp:.*$/gm).map((line) => line.split(" "));
  return Number(values[names.indexOf("ActiveOpens")]);
}
