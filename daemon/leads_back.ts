/** Whether mail for a next hop would come back to this node's own listeners. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { parseListen } from "../agents/listener.ts";
import { parseNextHop } from "../agents/smtp/next_hop.ts";

/** What is asked of the system. */
export interface Surroundings {
  /** Addresses of a name; none where it has none. */
  addressesOf(name: string): Promise<readonly string[]>;
  /** Addresses of this machine's interfaces. */
  interfaces(): readonly string[];
}

const SYSTEM: Surroundings = {
  async addressesOf(name) {
    try {
      return (await lookup(name, { all: true })).map(({ address }) => address);
    } catch {
      return []; // the delivery says so
    }
  },
  interfaces: () => Deno.networkInterfaces().map(({ address }) => address),
};

/**
 * Compares where they lead and not how they are written: `localhost` and `127.0.0.1`, a name and its address, every address of
 * this machine and a listener on `*`.
 *
 * @param nextHop As the configuration writes it.
 * @param own Addresses of this node's listeners: `127.0.0.1:2525`, `[::]:25`, `*:25`, `unix:/PATH`.
 * @throws {PosternError} `document/invalid` where it is no next hop.
 */
export async function leadsBack(
  nextHop: string,
  own: readonly string[],
  surroundings: Surroundings = SYSTEM,
): Promise<boolean> {
  const hop = parseNextHop(nextHop);
  if (hop.kind === "maildir") return false;
  if (hop.kind === "lmtp-unix") return own.includes(`unix:${hop.path}`);
  const hosts = own.filter((address) => !/^(?:unix|fd):/.test(address)).map(parseListen)
    .filter(({ port }) => port === hop.port).map(({ hostname }) => hostname);
  if (hosts.length === 0) return false;
  const theirs = await resolved(hop.hostname, surroundings);
  for (const host of hosts) {
    const ours = await resolved(host, surroundings);
    if (theirs.some((address) => ours.includes(address))) return true;
    if (!ours.some(isEvery)) continue;
    const local = surroundings.interfaces().map(plain);
    if (theirs.some((address) => isLoopback(address) || local.includes(address))) return true;
  }
  return false;
}

/** Addresses of a host, each in one spelling. */
async function resolved(host: string, { addressesOf }: Surroundings): Promise<string[]> {
  if (isIP(host) > 0) return [plain(host)];
  const loopback = /(?:^|\.)localhost\.?$/i.test(host) ? ["127.0.0.1", "::1"] : []; // RFC 6761, section 6.3
  return [...loopback, ...(await addressesOf(host)).map(plain)];
}

/** IPv4 in IPv6 as IPv4, without a zone. */
function plain(address: string): string {
  const bare = address.replace(/%.*$/, "");
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare;
}

/** To connect to "every address" is to connect to this machine, too. */
function isLoopback(address: string): boolean {
  return isEvery(address) || ipaddr.parse(address).range() === "loopback";
}

function isEvery(address: string): boolean {
  return ipaddr.parse(address).range() === "unspecified";
}
