/** `postern send`: a test message by SMTP, for a first look and for trying a set-up. */
import { hostname } from "node:os";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { PosternError } from "../errors.ts";
import { type Command, configOption, defineCommand, socketOption } from "./command.ts";
import { printLine, visible } from "./output.ts";
import { readLimited } from "./scanning/read.ts";
import { makeSample, SAMPLE_NAMES } from "./selftest/samples.ts";
import { submit } from "./selftest/submit.ts";
import { timeValue } from "./values.ts";

/** Largest message that is taken from stdin. */
const MAX_MESSAGE_OCTETS = 1024 ** 3;

const grammar = object({
  sample: optional(argument(choice([...SAMPLE_NAMES, "-"], { metavar: "MAIL" }), {
    description: message`Which test mail; - for a message from stdin`,
  })),
  eicar: option("--eicar", { description: message`The same as the mail eicar` }),
  to: map(
    multiple(option("-t", "--to", string({ metavar: "ADDRESS" }), {
      description: message`A recipient; may be given several times`,
    })),
    (addresses) => addresses.length === 0 ? ["postmaster@localhost.localdomain"] : addresses,
  ),
  from: withDefault(
    option("-f", "--from", string({ metavar: "ADDRESS" }), { description: message`Sender` }),
    "sender@localhost.localdomain",
  ),
  server: optional(option("--server", string({ metavar: "HOST:PORT" }), {
    description: message`Where to; without it the running daemon's first agent`,
  })),
  quiet: option("-q", "--quiet", { description: message`Print the last reply alone` }),
  timeout: withDefault(
    option("--timeout", timeValue(), { description: message`Longest wait for a reply` }),
    60_000,
  ),
  config: configOption(),
  socket: socketOption(),
});

/** `postern send`. */
export const send: Command = defineCommand(
  "send",
  {
    brief: message`Send a test mail by SMTP: clean, EICAR, GTUBE or your own`,
    description:
      message`Speaks SMTP to an agent or any mail server, prints the session, and ends with 0 when the message was taken,
77 when it was refused (5xx), 75 when it was deferred (4xx). Without a mail named it sends the clean one.`,
  },
  grammar,
  runSend,
);

/** Splits `HOST:PORT`; `[IPv6]:PORT` too. */
export function hostAndPort(address: string): { hostname: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port > 0 && port < 65_536)) {
    throw new PosternError("command/usage", `${address} is not HOST:PORT`);
  }
  return { hostname: host, port };
}

async function firstAgent(options: InferValue<typeof grammar>): Promise<string> {
  const { askDaemon } = await import("./connect.ts");
  const { agentAddresses } = await import("./status_text.ts");
  const { result } = await askDaemon(options, "status");
  const address = agentAddresses(result).find(({ agent }) => agent === "smtp")?.address;
  if (address === undefined) throw new PosternError("daemon/not-running", "No smtp agent listens");
  return address;
}

async function messageOf(options: InferValue<typeof grammar>): Promise<Uint8Array> {
  if (options.sample === "-") {
    const octets = await readLimited(Deno.stdin, 0, MAX_MESSAGE_OCTETS);
    if (octets === undefined) throw new Error("The message on stdin is larger than 1 GB");
    return withCrLf(octets);
  }
  const name = options.eicar ? "eicar" : options.sample ?? "clean";
  const token = crypto.randomUUID().slice(0, 8);
  return makeSample(name, { from: options.from, to: options.to, token });
}

/** SMTP has one line end (RFC 5321, section 2.3.8); files mostly have the other. */
function withCrLf(octets: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const [i, octet] of octets.entries()) {
    if (octet === 0x0a && octets[i - 1] !== 0x0d) out.push(0x0d);
    out.push(octet);
  }
  return Uint8Array.from(out);
}

async function runSend(options: InferValue<typeof grammar>): Promise<number> {
  const server = options.server ?? await firstAgent(options);
  const reply = await submit({
    ...hostAndPort(server),
    helo: hostname(),
    sender: options.from,
    recipients: options.to,
    message: await messageOf(options),
    timeoutMs: options.timeout,
  }, (direction, line) => {
    if (!options.quiet) printLine(`${direction} ${visible(line)}`);
  });
  if (options.quiet) printLine(visible(`${reply.code} ${reply.text}`));
  return reply.code < 400 ? 0 : reply.code < 500 ? 75 : 77;
}
