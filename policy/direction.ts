import { normalAddress } from "./compile/keys.ts";
import { parseNetwork, readIp } from "./network.ts";
import { NetworkTable } from "./decide/network_table.ts";
import type { DecisionTree } from "./tree.ts";
import type { Direction } from "./types.ts";

interface Inside {
  readonly domains: ReadonlySet<string>;
  /** With their dot: `.example.org`. */
  readonly suffixes: readonly string[];
  readonly networks: NetworkTable;
}

const insides = new WeakMap<DecisionTree["local"], Inside>();

/**
 * Which way a message goes, seen from `local`. It comes from inside when its sender logged in or its client is in a local network;
 * where there is no client (a pipe), when the sender's domain is local: a sender's address alone says nothing over the network,
 * as anyone can give it. From inside to a local domain is internal, from inside to elsewhere outbound, anything else inbound.
 */
export function directionOf(
  tree: DecisionTree,
  mail: {
    readonly client?: string | null | undefined;
    readonly sender?: string | undefined;
    readonly recipient?: string | undefined;
    readonly user?: string | null | undefined;
  },
): Direction {
  const inside = insideOf(tree);
  const fromInside = mail.user
    ? true
    : mail.client
    ? isLocalClient(inside, mail.client)
    : isLocal(inside, mail.sender);
  if (!fromInside) return "inbound";
  return isLocal(inside, mail.recipient) ? "internal" : "outbound";
}

function insideOf({ local }: DecisionTree): Inside {
  let inside = insides.get(local);
  if (!inside) {
    inside = {
      domains: new Set(local.domains.filter((domain) => !domain.startsWith("*."))),
      suffixes: local.domains.filter((domain) => domain.startsWith("*.")).map((domain) =>
        domain.slice(1)
      ),
      networks: new NetworkTable(local.networks.filter((text) => parseNetwork(text) !== undefined)),
    };
    insides.set(local, inside);
  }
  return inside;
}

function isLocalClient({ networks }: Inside, client: string): boolean {
  const family = readIp(client);
  return family !== 0 && networks.find(family) >= 0;
}

function isLocal({ domains, suffixes }: Inside, address: string | undefined): boolean {
  if (!address) return false;
  const normal = normalAddress(address);
  const domain = normal.slice(normal.lastIndexOf("@") + 1);
  return domains.has(domain) || suffixes.some((suffix) => domain.endsWith(suffix));
}
