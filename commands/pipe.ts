/** `postern pipe`: a message from stdin to stdout as the policy has it; the exit status says what else is to be done. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { envelopeOf } from "../agents/mda/surroundings.ts";
import type { ProcessAnswer, ProcessRequest } from "../agents/pipe/process.ts";
import { DIRECTIONS } from "../policy/types.ts";
import { type Command, defineCommand, EXIT, toolsOptions } from "./command.ts";
import { describe } from "./failure.ts";
import { refuseUnfaithful } from "./faithful.ts";
import { giveUpAllBut } from "./give_up.ts";
import { complain, handOver } from "./output.ts";
import { readLimited } from "./scanning/read.ts";
import { sizeValue } from "./values.ts";

const envelope = object("Envelope", {
  sender: optional(option("-f", "--from", string({ metavar: "ADDRESS" }), {
    description:
      message`Sender; "" or <> is the null sender. Without it $SENDER, a From line, or Return-Path`,
  })),
  recipients: multiple(argument(string({ metavar: "RECIPIENT" }), {
    description:
      message`Recipients, after -- where one may begin with a dash. Without any $RECIPIENT`,
  })),
  client: optional(option("--client", string({ metavar: "IP" }), {
    description: message`Address of the client that sent it`,
  })),
  clientName: optional(option("--client-name", string({ metavar: "NAME" }), {
    description: message`Name of that client`,
  })),
  helo: optional(option("--helo", string({ metavar: "NAME" }), {
    description: message`What the client called itself`,
  })),
  user: optional(option("--user", string({ metavar: "NAME" }), {
    description: message`Who the client proved to be`,
  })),
  direction: optional(option("--direction", choice(DIRECTIONS), {
    description: message`Which way it goes; without it seen from the policy's domains and networks`,
  })),
  listener: withDefault(
    option("--listener", string({ metavar: "NAME" }), {
      description: message`Name of this gate in logs and rules`,
    }),
    "pipe",
  ),
});

const status = (name: `--${string}`, value: number, what: string) =>
  withDefault(
    option(name, integer({ metavar: "STATUS", min: 0, max: 255 }), {
      description: message`Exit status where ${what}`,
    }),
    value,
  );

const ends = object("Exit statuses", {
  exitDefer: status("--exit-defer", 75, "the message is to be tried again, and for every failure"),
  exitReject: status("--exit-reject", 77, "it is refused"),
  exitDiscard: status("--exit-discard", 99, "it is dropped, or kept in quarantine"),
});

const how = object("How", {
  ...toolsOptions(),
  standalone: option("--standalone", {
    description:
      message`Work without a daemon; needs --policy, and nothing can be kept in quarantine`,
  }),
  policy: optional(option("--policy", string({ metavar: "FILE" }), {
    description: message`Policy document for --standalone`,
  })),
  maxSize: withDefault(
    option("--max-size", sizeValue(), {
      description: message`Largest message; a larger one is deferred unread`,
    }),
    100 * 1024 ** 2,
  ),
  json: option("--json", { description: message`Tell stderr what was decided, as JSON` }),
});

const grammar = merge(envelope, ends, how);
type Options = InferValue<typeof grammar>;

/** `postern pipe`. */
export const pipe: Command = defineCommand(
  "pipe",
  {
    brief: message`Filter one message from stdin to stdout`,
    description:
      message`Exit status: 0 with the message, marked or cleaned as the policy has it, on stdout; or nothing on stdout and
75 (try again later), 77 (refused; the reason is on stderr) or 99 (dropped, or kept in quarantine). Line ends stay as they come. Any
failure, wrong usage too, is 75, since mail servers give up mail for statuses that they do not know.`,
    footer:
      message`Postfix, master.cf: flags=Rq user=filter null_sender= argv=/path/to/script -f \${sender} -- \${recipient}`,
  },
  grammar,
  runPipe,
);

/** Takes one message through scan and policy. */
type Filter = (
  request: ProcessRequest,
  octets: Uint8Array,
) => Promise<{ answer: ProcessAnswer; message?: Uint8Array }>;

/** Gets it ready, before the message is looked at. */
type Prepare = () => Promise<Filter>;

/** Connects, and gives up everything else. */
async function throughDaemon(options: Options): Promise<Prepare> {
  const { ToolsConnection } = await import("./tools_connection.ts");
  const tools = await ToolsConnection.to(options);
  return async () => {
    await tools.connect();
    giveUpAllBut();
    return (request, octets) => tools.process(request, octets);
  };
}

async function inThisProcess({ policy }: Options): Promise<Prepare> {
  if (policy === undefined) throw new Error("--standalone needs --policy FILE");
  const { processStandalone } = await import("./pipe_standalone.ts");
  return () => Promise.resolve((request, octets) => processStandalone(policy, request, octets));
}

function finish(options: Options, answer: ProcessAnswer, message: Uint8Array | undefined): number {
  if (options.json) complain(JSON.stringify(answer));
  const why = answer.reply ?? answer.by;
  switch (answer.action) {
    case "accept":
      if (message === undefined) throw new Error("The message to go on with did not come");
      handOver(message);
      return EXIT.ok;
    case "reject":
      complain(`postern: ${why}`);
      return options.exitReject;
    case "defer":
      complain(`postern: ${why}`);
      return options.exitDefer;
    case "discard":
    case "quarantine":
      return options.exitDiscard;
    case "redirect":
      // Whoever calls has already chosen the recipients, and an exit status cannot name others.
      complain(
        `postern: the policy redirects to ${answer.redirect?.join(", ")}, which a pipe cannot do`,
      );
      return options.exitDefer;
  }
}

async function runPipe(options: Options): Promise<number> {
  try {
    refuseUnfaithful();
    const environment = Deno.env.toObject();
    if (options.recipients.length === 0 && !environment["RECIPIENT"]) {
      throw new Error("No recipient was named: name one, after -- where it may begin with a dash");
    }
    const prepare = await (options.standalone ? inThisProcess(options) : throughDaemon(options));
    const octets = await readLimited(Deno.stdin, 0, options.maxSize);
    if (octets === undefined) throw new Error("The message is larger than --max-size");
    const { direction } = options;
    const filter = await prepare();
    const { answer, message } = await filter({
      agent: "pipe",
      listener: options.listener,
      envelope: envelopeOf(options, environment, octets, ["RECIPIENT"]),
      ...(direction === undefined ? {} : { direction }),
    }, octets);
    return finish(options, answer, message);
  } catch (error) {
    complain(`postern: ${describe(error)}`);
    return options.exitDefer;
  }
}
