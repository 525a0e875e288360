/** The agents that other programs ask for advice: as clamd, as spamd, as rspamd. */
import * as z from "zod";
import { count, direction, listenerName, listenNear, nextHop, size, time } from "./config_parts.ts";

const socketMode = z.string().regex(/^0[0-7]{3}$/, "an octal mode such as 0660").default("0660")
  .describe("mode of the socket in the file system");

const listen = listenNear.describe(
  "where programs connect to: HOST:PORT, unix:/PATH, or fd:NAME for a socket that systemd passes",
);

const way = direction.optional().describe(
  "which way mail goes here; default: seen from the policy's local domains and networks",
);

const sessions = count.default(1000);

const commandTime = time.default("30s").describe("how long a client may take to ask something");

const dataTime = time.default("2m").describe("how long an object may take to come");

/** Beginning of a name as scanners give them. */
const namePrefix = z.string().regex(/^[\x21-\x7e]{0,40}$/, "at most 40 printable characters");

/** The clamd agent: programs that know ClamAV's daemon have Postern scan. */
export const clamdAgentSchema = z.strictObject({
  agent: z.literal("clamd"),
  name: listenerName.default("clamd"),
  listen,
  socketMode,
  directories: z.array(
    z.string().regex(/^\/(?!.*\/\.\.?(?:\/|$))/, "an absolute path without . and .. in it"),
  ).default([]).describe(
    "directories below which SCAN and its like may read files; on a socket in the file system alone",
  ),
  notScanned: z.enum(["error", "found", "policy"]).default("error").describe(
    "what is answered for what was not scanned and the policy does not refuse: ERROR, FOUND, or what the policy's notScanned says",
  ),
  operations: z.array(z.enum(["reload", "shutdown"])).default([]).describe(
    "what RELOAD and SHUTDOWN do for whoever can connect: read documents and signatures anew, end the gateway; default: neither",
  ),
  namePrefix: namePrefix.default("").describe("put before every name that is FOUND"),
  suspiciousPrefix: namePrefix.default("Heuristics.").describe(
    "put before names of what is suspicious and not certain",
  ),
  direction: way,
  limits: z.strictObject({
    sessions,
    streamSize: size.default("100MB").describe("largest object, of INSTREAM and of files"),
    parallel: count.default(8).describe("objects of one connection that are looked at at once"),
    files: count.default(100_000).describe("files that one command may scan in a directory"),
    depth: count.default(15).describe("directories inside directories that one command enters"),
    commandTime,
    dataTime,
  }).prefault({}),
}).refine(
  ({ listen, directories }) => directories.length === 0 || listen.startsWith("unix:"),
  {
    path: ["directories"],
    message: "directories are for a socket in the file system (listen: unix:/PATH)",
  },
);

const points = z.number().min(0).max(10_000);

/** What other things than spam tests count in a score. */
const scores = z.strictObject({
  infected: points.default(20).describe("what is infected"),
  suspicious: points.default(5).describe("what is suspicious"),
  notScanned: points.default(0).describe("what was not scanned whole"),
}).prefault({}).describe("points beside those of spam tests");

/** The spamd agent: programs that know SpamAssassin's daemon ask for score and marks. */
export const spamdAgentSchema = z.strictObject({
  agent: z.literal("spamd"),
  name: listenerName.default("spamd"),
  listen,
  socketMode,
  direction: way,
  points: scores,
  limits: z.strictObject({
    sessions,
    messageSize: size.default("50MB").describe("largest message, unpacked"),
    commandTime,
    dataTime,
  }).prefault({}),
});

/** The rspamd agent: programs that know rspamd's worker ask over HTTP. */
export const rspamdAgentSchema = z.strictObject({
  agent: z.literal("rspamd"),
  name: listenerName.default("rspamd"),
  listen,
  socketMode,
  password: z.string().min(8).max(200).optional().describe(
    "what the header field Password must say; default: none is asked for",
  ),
  nextHop: nextHop.optional().describe(
    "where released mail goes, as quarantine.release says it for all agents",
  ),
  direction: way,
  points: scores,
  limits: z.strictObject({
    sessions,
    messageSize: size.default("50MB").describe("largest message, unpacked"),
    recipients: count.default(1000),
    commandTime: time.default("30s").describe(
      "how long a request's header may take to come, and a connection may be idle",
    ),
    dataTime,
  }).prefault({}),
});

/** The delegation agent: Postfix asks it about clients, senders and recipients (`check_policy_service`). */
export const delegationAgentSchema = z.strictObject({
  agent: z.literal("delegation"),
  name: listenerName.default("delegation"),
  listen,
  socketMode,
  direction: way,
  limits: z.strictObject({
    sessions,
    commandTime: time.default("10m").describe(
      "how long a connection may be idle, and a request may take to come",
    ),
  }).prefault({}),
});

/** The delegation agent's part of the configuration, checked. */
export type DelegationAgentConfig = z.output<typeof delegationAgentSchema>;
/** The clamd agent's part of the configuration, checked. */
export type ClamdAgentConfig = z.output<typeof clamdAgentSchema>;
/** The spamd agent's part, checked. */
export type SpamdAgentConfig = z.output<typeof spamdAgentSchema>;
/** The rspamd agent's part, checked. */
export type RspamdAgentConfig = z.output<typeof rspamdAgentSchema>;
