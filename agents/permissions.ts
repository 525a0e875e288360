/**
 * What each agent may touch: the one table. A worker gets what stands here and nothing else; `postern status` shows it.
 */
import { MAX_NETWORK_ADDRESSES } from "../policy/config_parts.ts";
import { type AgentConfig, agentNextHop } from "../policy/config.ts";
import { isPassed } from "../policy/listen.ts";
import { addressesOf } from "./networks.ts";
import { NAMES_UNIX_SOCKETS } from "./unix_sockets.ts";

/** What a worker is given; what is not named is refused. */
export interface AgentPermissions {
  /** `HOST:PORT`, a network as `192.0.2.0/24:25` or `[2001:db8::/120]:25`, or `unix:PATH`, to listen on or connect to. */
  readonly net: readonly string[];
  /** Paths, for sockets in the file system: to connect to one takes read and write. */
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** The table: by kind of agent, what its configuration makes it need. */
const TABLE = {
  // Its own address and the next hop. A Maildir is written by the daemon.
  smtp: (config: AgentConfig): AgentPermissions =>
    join(listening(config.listen), nextHop(agentNextHop(config) ?? ""), redirected(config)),
  // Its own address alone: what is released goes out of the daemon.
  milter: (config: AgentConfig): AgentPermissions => listening(config.listen),
  // Its own address, and to read below the directories whose files it may be asked about.
  clamd: (config: AgentConfig): AgentPermissions =>
    join(listening(config.listen), {
      ...NOTHING,
      read: config.agent === "clamd" ? config.directories : [],
    }),
  // Their own addresses alone: they are asked, and go nowhere.
  spamd: (config: AgentConfig): AgentPermissions => listening(config.listen),
  rspamd: (config: AgentConfig): AgentPermissions => listening(config.listen),
  delegation: (config: AgentConfig): AgentPermissions => listening(config.listen),
  // Their own addresses and the mailbox servers.
  pop3: (config: AgentConfig): AgentPermissions =>
    join(listening(config.listen), ...mailServers(config), redirected(config)),
  imap: (config: AgentConfig): AgentPermissions =>
    join(listening(config.listen), ...mailServers(config), redirected(config)),
} satisfies Record<AgentConfig["agent"], (config: AgentConfig) => AgentPermissions>;

/** What an agent of this configuration may touch. */
export function agentPermissions(config: AgentConfig): AgentPermissions {
  return TABLE[config.agent](config);
}

/** The same as the runtime takes it; everything that is not granted is refused without asking. */
export function denoPermissions(permissions: AgentPermissions): Deno.PermissionOptionsObject {
  const list = (values: readonly string[]) => values.length > 0 ? [...values] : false;
  const net = permissions.net.filter((each) => NAMES_UNIX_SOCKETS || !each.startsWith("unix:"));
  return {
    net: list(net.flatMap(singly)),
    read: list(permissions.read),
    write: list(permissions.write),
    env: false,
    run: false,
    ffi: false,
    sys: false,
    import: false,
  };
}

/** The runtime knows networks of IPv4 alone: one of IPv6 is named address by address. */
function singly(net: string): string[] {
  const [, network, port] = /^\[([^\]]+\/\d+)\](:\d+)$/.exec(net) ?? [];
  if (network === undefined || port === undefined) return [net];
  return addressesOf(network, MAX_NETWORK_ADDRESSES).map((address) => `[${address}]${port}`);
}

/** One line for people: `net 127.0.0.1:10025, 127.0.0.1:10026`. */
export function describePermissions(permissions: AgentPermissions): string {
  const parts = (["net", "read", "write"] as const)
    .filter((name) => permissions[name].length > 0)
    .map((name) => `${name} ${permissions[name].join(", ")}`);
  return parts.join("; ") || "nothing";
}

const NOTHING: AgentPermissions = { net: [], read: [], write: [] };

function join(...all: readonly AgentPermissions[]): AgentPermissions {
  return {
    net: [...new Set(all.flatMap(({ net }) => net))],
    read: [...new Set(all.flatMap(({ read }) => read))],
    write: [...new Set(all.flatMap(({ write }) => write))],
  };
}

/** `*` is every IPv4 address, as the listener takes it. One that was passed takes no permission. A socket in the file system is made there, and removed. */
function listening(address: string): AgentPermissions {
  if (isPassed(address)) return NOTHING;
  if (address.startsWith("unix:")) {
    const path = address.slice("unix:".length);
    return { net: [address], read: [path], write: [path] };
  }
  return { ...NOTHING, net: [address.replace(/^\*:/, "0.0.0.0:")] };
}

/** The servers that an agent in front of mailboxes may connect to: the one that is configured, and those that logins may name. */
function mailServers(config: AgentConfig): AgentPermissions[] {
  if (!("servers" in config)) return [];
  const servers = [...config.server === undefined ? [] : [config.server], ...config.servers];
  return servers.map((each) => ({ ...NOTHING, net: [each.replace(/^\w+:\/\//, "")] }));
}

/** Where redirected clients may have been going, each with the one port. */
function redirected(config: AgentConfig): AgentPermissions {
  if (!("transparent" in config) || !config.transparent) return NOTHING;
  const { to, port } = config.transparent;
  const host = (each: string) => each.includes(":") ? `[${each}]` : each;
  return { ...NOTHING, net: to.map((each) => `${host(each)}:${port}`) };
}

function nextHop(hop: string): AgentPermissions {
  const unix = /^lmtp:unix:(.+)$/.exec(hop)?.[1];
  if (unix !== undefined) return { net: [`unix:${unix}`], read: [unix], write: [unix] };
  const address = /^(?:smtp|lmtp):\/\/(.+)$/.exec(hop)?.[1];
  return address === undefined ? NOTHING : { ...NOTHING, net: [address] };
}
