/** What the schemas of several agents are made of. */
import * as z from "zod";
import { SIZE_PATTERN, TIME_PATTERN } from "./units.ts";

/** `50MB`. */
export const size = z.string().regex(SIZE_PATTERN, "a size such as 50MB").describe(
  "size, such as 50MB",
);
/** `30s`. */
export const time = z.string().regex(TIME_PATTERN, "a time such as 30s").describe(
  "time, such as 30s",
);
/** How many; at least one. */
export const count = z.int().min(1);

/** `HOST:PORT`, `[IPv6]:PORT`; port 0 is any free one. */
export const address = z.string().regex(
  /^(?!fd:)(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+|\*):\d{1,5}$/,
  "an address such as 127.0.0.1:10025 or [::1]:10025",
);
/** A socket that systemd has opened and passed to the daemon, by its name (sd_listen_fds_with_names(3)) or its number. */
const passed = z.string().regex(
  /^fd:(?:[3-9]|[1-9]\d{1,3}|(?!\d+$)[!-9;-~]{1,255})$/,
  "fd:NAME (FileDescriptorName= of the systemd socket) or fd:3",
);
/** A socket in the file system; its path fits into sockaddr_un. */
export const unixSocket = z.string().regex(
  /^unix:\/.{1,102}$/,
  "unix:/PATH, at most 103 characters",
);
/** Where an agent listens that has to do with the network. */
export const listen = z.union(
  [passed, address],
  "an address such as 127.0.0.1:10025 or [::1]:10025, or fd:NAME for a socket that systemd passes",
).describe("where it listens: HOST:PORT, or fd:NAME for a socket that systemd passes");
/** Where an agent listens whose clients may be programs of this machine. */
export const listenNear = z.union(
  [passed, address, unixSocket],
  "an address such as 127.0.0.1:10025, unix:/PATH (at most 103 characters), or fd:NAME for a socket that systemd passes",
);
/** Where mail goes. */
export const nextHop = z.string().regex(
  /^(?:(?:smtp|lmtp):\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}|lmtp:unix:\/.+|maildir:.+)$/,
  "smtp://HOST:PORT, lmtp://HOST:PORT, lmtp:unix:/PATH or maildir:PATH",
).describe(
  "where mail goes next: smtp://HOST:PORT, lmtp://HOST:PORT, lmtp:unix:/PATH, maildir:PATH",
);
/** An address or a CIDR. */
export const network = z.string().regex(
  /^[0-9a-fA-F:.]+(?:\/\d{1,3})?$/,
  "an address or network (CIDR)",
);
/** Proxies in front of a listener. */
export const proxies = z.array(network).min(1).describe(
  "proxies in front, whose connections begin with the PROXY protocol's header (version 1 or 2); nobody else may connect then",
);
/**
 * Addresses of one IPv6 network that redirected clients may have been going to. The runtime lets a worker connect to networks of
 * IPv4 and to single addresses, and has no words for a network of IPv6: its addresses are named one by one, and each connection
 * looks through them.
 */
export const MAX_NETWORK_ADDRESSES = 4096;

/**
 * A listener that connections are redirected to by the firewall.
 *
 * @param port Port of the servers that they were going to.
 */
export const transparent = (port: number) =>
  z.strictObject({
    to: z.array(
      z.string().regex(
        /^(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?|[0-9a-fA-F:]*:[0-9a-fA-F:.]*(?:\/1(?:1[6-9]|2[0-8]))?)$/,
        `an IPv4 address or network, an IPv6 address, or an IPv6 network of at most ${MAX_NETWORK_ADDRESSES} addresses (/116 to /128)`,
      ),
    ).min(1).default(["0.0.0.0/0"]).describe(
      "servers that redirected clients may have been going to: addresses and networks, of IPv6 from /116 on",
    ),
    port: z.int().min(1).max(65_535).default(port).describe("port of these servers"),
  }).optional().describe(
    "the firewall redirects connections here: each goes on to where it was going, and who connects here himself is refused",
  );
/** Name of a listener in logs and rules. */
export const listenerName = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/).describe(
  "name of the listener in logs and rules",
);
/** A server's certificate. */
export const tls = z.union([
  z.literal("self-made"),
  z.strictObject({
    certificate: z.string().describe("PEM file with the certificate chain"),
    key: z.string().describe("PEM file with the private key"),
  }),
], '{ certificate, key } with the paths of two PEM files, or "self-made"');
/** How TLS is taken towards a server that is connected to. */
export const clientTls = z.enum(["none", "may", "encrypt", "verify"]);
/** Which way mail goes at a gate. */
export const direction = z.enum(["inbound", "outbound", "internal"]);
