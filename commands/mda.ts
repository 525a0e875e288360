/** `postern mda`: scans a message, then runs the real delivery agent as it would have been run. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { MDA_MODES, type MdaStatuses, statusesOf } from "../agents/mda/statuses.ts";
import { envelopeOf, type Environment } from "../agents/mda/surroundings.ts";
import type { ProcessAnswer } from "../agents/pipe/process.ts";
import { type Command, defineCommand, toolsOptions } from "./command.ts";
import { describe } from "./failure.ts";
import { refuseUnfaithful } from "./faithful.ts";
import { giveUpAllBut } from "./give_up.ts";
import { complain } from "./output.ts";
import { realEnvironment, runWithMessage } from "./run_program.ts";
import { readLimited } from "./scanning/read.ts";
import { ToolsConnection } from "./tools_connection.ts";
import { sizeValue } from "./values.ts";

const envelope = object("Envelope (what is not given comes from the environment)", {
  sender: optional(option("-f", "--from", string({ metavar: "ADDRESS" }), {
    description:
      message`Sender; "" or <> is the null sender. Without it $SENDER, a From line, or Return-Path`,
  })),
  recipients: multiple(option("-r", "--recipient", string({ metavar: "ADDRESS" }), {
    description: message`Recipient; several times for several. Without it $RECIPIENT`,
  })),
  client: optional(option("--client", string({ metavar: "IP" }), {
    description: message`Address of the client that sent it`,
  })),
  user: optional(option("--user", string({ metavar: "NAME" }), {
    description: message`Who the client proved to be`,
  })),
  listener: withDefault(
    option("--listener", string({ metavar: "NAME" }), {
      description: message`Name of this gate in logs and rules`,
    }),
    "mda",
  ),
});

const status = (name: `--${string}`, what: string) =>
  optional(option(name, integer({ metavar: "STATUS", min: 0, max: 255 }), {
    description: message`Exit status where ${what}`,
  }));

const ends = object("Exit statuses", {
  mode: withDefault(
    option("--mode", choice(MDA_MODES), {
      description: message`Who runs this, and so which exit statuses it knows`,
    }),
    "postfix",
  ),
  exitDefer: status("--exit-defer", "the message is to be tried again, and for every failure"),
  exitReject: status("--exit-reject", "it is refused"),
  exitDiscard: status("--exit-discard", "it is dropped, or kept in quarantine"),
});

const how = object("How", {
  ...toolsOptions(),
  maxSize: withDefault(
    option("--max-size", sizeValue(), {
      description: message`Largest message; a larger one is deferred unread`,
    }),
    100 * 1024 ** 2,
  ),
  program: multiple(argument(string({ metavar: "PROGRAM" }), {
    description: message`The real delivery agent and its arguments, after --`,
  })),
});

const grammar = merge(envelope, ends, how);
type Options = InferValue<typeof grammar>;

/** `postern mda`. */
export const mda: Command = defineCommand(
  "mda",
  {
    brief: message`Scan a message, then run the delivery agent that is named`,
    description:
      message`The message comes on stdin. Where the policy accepts it, PROGRAM runs with the message, marked or cleaned as
the policy has it, on its stdin, with the same environment and working directory, and its exit status is this one's. Else PROGRAM
does not run; any failure, wrong usage too, asks for another try.`,
    footer:
      message`Postfix, main.cf: mailbox_command = /usr/local/bin/postern mda -- /usr/bin/procmail -d "$USER"`,
  },
  grammar,
  runMda,
);

/** The statuses of the mode, but for those that were given. */
function statuses({ mode, exitDefer, exitReject, exitDiscard }: Options): MdaStatuses {
  const usual = statusesOf(mode);
  return {
    defer: exitDefer ?? usual.defer,
    reject: exitReject ?? usual.reject,
    discard: exitDiscard ?? usual.discard,
  };
}

async function runMda(options: Options): Promise<number> {
  const { defer } = statuses(options);
  try {
    return await deliver(options, realEnvironment(Deno.env.toObject()));
  } catch (error) {
    complain(`postern: ${describe(error)}`);
    return defer;
  }
}

async function deliver(options: Options, environment: Record<string, string>): Promise<number> {
  const [program, ...args] = options.program;
  if (program === undefined) {
    throw new Error("No delivery agent was named: put it and its arguments after --");
  }
  refuseUnfaithful();
  const tools = await ToolsConnection.to(options);
  const octets = await readLimited(Deno.stdin, 0, options.maxSize);
  if (octets === undefined) throw new Error("The message is larger than --max-size");
  await tools.connect();
  giveUpAllBut("run");
  const told = envelopeFor(options, environment, octets);
  const request = { agent: "mda", listener: options.listener, envelope: told } as const;
  const { answer, message } = await tools.process(request, octets);
  if (answer.action !== "accept") return refuse(options, answer);
  if (message === undefined) throw new Error("The message to go on with did not come");
  const result = await runWithMessage(program, args, message, environment);
  if (result.signal === undefined) return result.code;
  complain(`postern: ${program} died of ${result.signal}`);
  return statuses(options).defer;
}

function envelopeFor(options: Options, environment: Environment, octets: Uint8Array) {
  const told = envelopeOf(options, environment, octets);
  if (told.recipients.length > 0) return told;
  throw new Error("No recipient was named: neither --recipient, $RECIPIENT nor $USER says one");
}

function refuse(options: Options, answer: ProcessAnswer): number {
  const { defer, reject, discard } = statuses(options);
  const why = answer.reply ?? answer.by;
  switch (answer.action) {
    case "reject":
      complain(why);
      return reject;
    case "discard":
    case "quarantine":
      return discard;
    case "redirect":
      // Who delivers is chosen by now, and an exit status cannot name others.
      complain(
        `postern: the policy redirects to ${
          answer.redirect?.join(", ")
        }: let the mail server do it`,
      );
      return defer;
    default:
      complain(why);
      return defer;
  }
}
