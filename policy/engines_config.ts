/** `engines` in postern.config.ts: other scanners that are asked about each message beside the scan. */
import * as z from "zod";
import { SIZE_PATTERN, TIME_PATTERN } from "./units.ts";

const size = z.string().regex(SIZE_PATTERN, "a size such as 50MB");
const time = z.string().regex(TIME_PATTERN, "a time such as 30s");
const name = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "a name such as clamd or second-clamd");
const status = z.int().min(0).max(255);

/** A regular expression that JavaScript takes. */
const expression = z.string().min(1).max(500).refine(isExpression, "a regular expression");

function isExpression(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}

/** What every engine has. */
const shared = {
  time: time.default("30s").describe("longest wait for its answer, its queue included"),
  maxSize: size.default("25MB").describe(
    "larger messages are not given to it: not scanned, by this engine, for their size",
  ),
  concurrency: z.int().min(1).max(64).default(4).describe("messages it is asked about at once"),
  suspicious: z.array(z.string().min(1).max(200)).describe(
    "globs of names that make a message suspicious instead of infected",
  ),
};

/** Names that ClamAV gives to what its heuristics find. */
const CLAMAV_GUESSES = ["Heuristics.*", "PUA.*"];

/** ClamAV's daemon, asked with INSTREAM: clamd(8). */
export const clamdEngineSchema = z.strictObject({
  engine: z.literal("clamd"),
  name: name.default("clamd").describe("name in findings, logs and rules"),
  address: z.string().regex(
    /^(?:unix:\/.{1,102}|(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5})$/,
    "unix:/PATH, HOST:PORT or [IPv6]:PORT",
  ).describe("LocalSocket or TCPSocket of clamd.conf: unix:/run/clamav/clamd.ctl, 127.0.0.1:3310"),
  ...shared,
  suspicious: shared.suspicious.default(CLAMAV_GUESSES),
});

/** A server that speaks ICAP: RFC 3507. */
export const icapEngineSchema = z.strictObject({
  engine: z.literal("icap"),
  name: name.default("icap").describe("name in findings, logs and rules"),
  url: z.string().regex(
    /^icap:\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?\/[\x21-\x7e]{1,200}$/,
    "icap://HOST[:PORT]/SERVICE",
  ).describe("the service; port 1344 where none is given"),
  method: z.enum(["respmod", "reqmod"]).default("respmod").describe(
    "whether the message is given as the answer to a request or as the request's own content",
  ),
  preview: z.boolean().default(false).describe(
    "first send only what the server wants as a preview; where it decides on that alone, it has not scanned the message",
  ),
  ...shared,
  suspicious: shared.suspicious.default([]),
});

/** A program that is started for each message. */
export const commandEngineSchema = z.strictObject({
  engine: z.literal("command"),
  name: name.default("command").describe("name in findings, logs and rules"),
  program: z.string().regex(/^\/.+$/, "an absolute path").describe("path of the program"),
  arguments: z.array(z.string()).default(["{file}"]).describe(
    "{file} is the path of a private file with the message; where no argument has it, the message comes on standard input",
  ),
  clean: z.array(status).default([0]).describe("exit statuses that say clean"),
  infected: z.array(status).default([1]).describe(
    "exit statuses that say infected; asked before `clean`",
  ),
  infectedText: expression.optional().describe(
    "a line of the output that says infected, whatever the exit status",
  ),
  findingText: expression.default("^.*: (.+) FOUND$").describe(
    "lines of the output that name what was found; its first group is the name",
  ),
  ...shared,
  concurrency: shared.concurrency.default(2),
  suspicious: shared.suspicious.default(CLAMAV_GUESSES),
});

/** Every kind of external engine, told apart by `engine`. */
export const engineSchema = z.discriminatedUnion("engine", [
  clamdEngineSchema,
  icapEngineSchema,
  commandEngineSchema,
]);

/** One external engine, checked. */
export type EngineConfig = z.output<typeof engineSchema>;
/** clamd, checked. */
export type ClamdEngineConfig = z.output<typeof clamdEngineSchema>;
/** ICAP, checked. */
export type IcapEngineConfig = z.output<typeof icapEngineSchema>;
/** A program, checked. */
export type CommandEngineConfig = z.output<typeof commandEngineSchema>;
