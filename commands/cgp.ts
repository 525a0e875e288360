/** `postern cgp`: the CommuniGate Pro helper. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { option } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import { runHelper } from "../agents/cgp/helper.ts";
import { MAX_REQUEST_OCTETS } from "../agents/cgp/limits.ts";
import { type Command, defineCommand, toolsOptions } from "./command.ts";
import { helperWorld } from "./helper_world.ts";
import { readLines } from "./read_lines.ts";
import { ToolsConnection } from "./tools_connection.ts";
import { sizeValue } from "./values.ts";

const grammar = object("How", {
  ...toolsOptions(),
  listener: withDefault(
    option("--listener", string({ metavar: "NAME" }), {
      description: message`Name of this gate in logs and rules`,
    }),
    "cgp",
  ),
  refused: withDefault(
    option("--refused", choice(["ERROR", "REJECTED", "DISCARD"]), {
      description: message`Final word for what the policy refuses`,
    }),
    "ERROR",
  ),
  deferred: withDefault(
    option("--deferred", choice(["hold", "refuse", "failure"]), {
      description:
        message`What becomes of mail that is to be tried again: hold does so without an answer, so that the server keeps it;
refuse gives it back; failure lets the server deliver it unscanned`,
    }),
    "hold",
  ),
  maxSize: withDefault(
    option("--max-size", sizeValue(), {
      description: message`Largest message file; a larger one counts as deferred`,
    }),
    100 * 1024 ** 2,
  ),
});
type Options = InferValue<typeof grammar>;

/** `postern cgp`. */
export const cgp: Command = defineCommand(
  "cgp",
  {
    brief: message`Serve CommuniGate Pro as a helper (external filter)`,
    description:
      message`Requests come on stdin, replies go to stdout: INTF up to version 4, KEY, FILE, QUIT. Messages are read where
the server has them, below the working directory.`,
    footer:
      message`CommuniGate Pro: Settings, General, Helpers, Content Filtering: /usr/local/bin/postern cgp`,
  },
  grammar,
  runCgp,
);

async function runCgp(options: Options): Promise<number> {
  const tools = await ToolsConnection.to(options);
  const { listener, refused, deferred, maxSize } = options;
  const world = {
    ...helperWorld(tools, maxSize),
    pause: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  };
  const lines = readLines(Deno.stdin.readable, MAX_REQUEST_OCTETS);
  await runHelper(lines, world, { listener, refused, deferred });
  return 0;
}
