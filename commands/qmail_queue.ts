/** `postern qmail-queue`: stands in qmail-queue's place, scans, then runs the real one. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { closeSync, openSync, writeSync } from "node:fs";
import type { ProcessAnswer } from "../agents/pipe/process.ts";
import { QMAIL_STATUS, readEnvelope } from "../agents/qmail/envelope.ts";
import { MAX_ENVELOPE_OCTETS } from "../agents/qmail/limits.ts";
import { PosternError } from "../errors.ts";
import { type Command, defineCommand, toolsOptions } from "./command.ts";
import { refuseUnfaithful } from "./faithful.ts";
import { giveUpAllBut } from "./give_up.ts";
import { realEnvironment, runWithMessage } from "./run_program.ts";
import { readLimited } from "./scanning/read.ts";
import { ToolsConnection } from "./tools_connection.ts";
import { sizeValue } from "./values.ts";

const how = object("How", {
  ...toolsOptions(),
  listener: withDefault(
    option("--listener", string({ metavar: "NAME" }), {
      description: message`Name of this gate in logs and rules`,
    }),
    "qmail-queue",
  ),
  userFrom: optional(option("--user-from", string({ metavar: "NAME" }), {
    description:
      message`Environment variable with the name that the client has proved to have; without it nobody has`,
  })),
  maxSize: withDefault(
    option("--max-size", sizeValue(), {
      description: message`Largest message; a larger one is deferred unread`,
    }),
    100 * 1024 ** 2,
  ),
});
const program = object("Program", {
  program: multiple(argument(string({ metavar: "PROGRAM" }), {
    description:
      message`The real qmail-queue and its arguments, after --; without it $POSTERN_QMAIL_QUEUE, else /var/qmail/bin/qmail-queue`,
  })),
});
const grammar = merge(how, program);
type Options = InferValue<typeof grammar>;

/** `postern qmail-queue`. */
export const qmailQueue: Command = defineCommand(
  "qmail-queue",
  {
    brief: message`Scan a message, then run qmail-queue`,
    description:
      message`Reads the message from descriptor 0 and the envelope from descriptor 1, as qmail-queue does, and prints nothing. Exit
status: that of the real qmail-queue, or its statuses for refused (31), try again (71), an envelope that ends early (54); where the
caller takes a text on descriptor 6 (POSTERN_SAY_WHY=6, set where it is a pipe), 82 with the policy's.`,
    footer:
      message`QMAILQUEUE=/usr/local/bin/postern-qmail-queue (a link to postern under that name)`,
  },
  grammar,
  runQmailQueue,
);

async function runQmailQueue(options: Options): Promise<number> {
  try {
    return await queue(options, realEnvironment(Deno.env.toObject()));
  } catch (error) {
    // Nobody reads what a queue program prints: the daemon's log has it, and the status says what to do.
    return error instanceof PosternError ? QMAIL_STATUS.network : QMAIL_STATUS.bug;
  }
}

async function queue(options: Options, environment: Record<string, string>): Promise<number> {
  refuseUnfaithful();
  const tools = await ToolsConnection.to(options);
  // The runtime opens descriptors by name for none but those who may do everything: before that is given up.
  using second = await Deno.open("/dev/fd/1", { read: true });
  const why = Deno.env.get("POSTERN_SAY_WHY") === "6" ? openSync("/dev/fd/6", "w") : undefined;
  // qmail-smtpd writes as its client sends: that may take long.
  const octets = await readLimited(Deno.stdin, 0, options.maxSize);
  if (octets === undefined) return QMAIL_STATUS.refused;
  const given = await readLimited(second, 0, MAX_ENVELOPE_OCTETS);
  if (given === undefined) return QMAIL_STATUS.envelope;
  await tools.connect();
  giveUpAllBut("run", "read", "write");
  const envelope = readEnvelope(given);
  if ("status" in envelope) return envelope.status;
  // Without recipients there is nothing to decide: the real one says what it makes of it.
  if (envelope.recipients.length === 0) return await runReal(options, environment, octets, given);
  const { answer, message } = await tools.process({
    agent: "mda",
    listener: options.listener,
    envelope: { ...envelope, ...clientOf(environment, options.userFrom) },
  }, octets);
  if (answer.action === "accept" && message !== undefined) {
    return await runReal(options, environment, message, given);
  }
  return refuse(answer, why);
}

/**
 * Who sends it, as tcpserver(1) and the SMTP server behind it say. TCPREMOTEINFO is no login of itself: where tcpserver asks, it
 * is what a client says of himself by ident.
 */
function clientOf(environment: Record<string, string>, userFrom: string | undefined) {
  const client = environment["TCPREMOTEIP"];
  const clientName = environment["TCPREMOTEHOST"];
  const user = userFrom === undefined ? undefined : environment[userFrom];
  return {
    ...(client !== undefined && /^[0-9A-Fa-f:.]+$/.test(client) ? { client } : {}),
    ...(clientName ? { clientName } : {}),
    ...(user ? { user } : {}),
  };
}

/** The real one gets the envelope on descriptor 1 from a file that is gone as soon as it is open. */
const WITH_ENVELOPE = 'exec 1<"$1" || exit 53; rm -f "$1"; shift; exec "$@"';

async function runReal(
  options: Options,
  environment: Record<string, string>,
  message: Uint8Array,
  envelope: Uint8Array,
): Promise<number> {
  const program = options.program.length > 0
    ? options.program
    : [environment["POSTERN_QMAIL_QUEUE"] || "/var/qmail/bin/qmail-queue"];
  const path = await Deno.makeTempFile({ prefix: "postern-envelope-" }); // for its owner alone
  try {
    await Deno.writeFile(path, envelope);
    const args = ["-c", WITH_ENVELOPE, "sh", path, ...program];
    const ended = await runWithMessage("/bin/sh", args, message, environment);
    // 126, 127: the shell could not run it.
    if (ended.signal !== undefined || ended.code === 126 || ended.code === 127) {
      return QMAIL_STATUS.config;
    }
    return ended.code;
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

function refuse(answer: ProcessAnswer, why: number | undefined): number {
  const text = (answer.reply ?? answer.by).replace(/\p{Cc}+/gu, " ");
  switch (answer.action) {
    case "discard":
    case "quarantine":
      return QMAIL_STATUS.queued;
    case "reject":
      return say(why, `D${text}`) ? QMAIL_STATUS.custom : QMAIL_STATUS.refused;
    default:
      return say(why, `Z${text}`) ? QMAIL_STATUS.custom : QMAIL_STATUS.network;
  }
}

/** Writes a text of ours for the caller, who wants one where this descriptor is open. */
function say(descriptor: number | undefined, text: string): boolean {
  if (descriptor === undefined) return false;
  try {
    writeSync(descriptor, new TextEncoder().encode(text));
    return true;
  } catch {
    return false;
  } finally {
    closeSync(descriptor);
  }
}
