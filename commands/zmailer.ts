/** `postern zmailer`: the content filter of ZMailer's SMTP server. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { runFilter } from "../agents/zmailer/filter.ts";
import { type Command, defineCommand, toolsOptions } from "./command.ts";
import { helperWorld } from "./helper_world.ts";
import { readLines } from "./read_lines.ts";
import { ToolsConnection } from "./tools_connection.ts";
import { sizeValue } from "./values.ts";

/** Longest path, octets: PATH_MAX of Linux. */
const MAX_PATH_OCTETS = 4096;

const grammar = object("How", {
  ...toolsOptions(),
  listener: withDefault(
    option("--listener", string({ metavar: "NAME" }), {
      description: message`Name of this gate in logs and rules`,
    }),
    "zmailer",
  ),
  old: option("--old", {
    description: message`For ZMailer before 2.99.52, which does not want to hear when to ask`,
  }),
  maxSize: withDefault(
    option("--max-size", sizeValue(), {
      description: message`Largest spool file; a larger one is deferred`,
    }),
    100 * 1024 ** 2,
  ),
});
type Options = InferValue<typeof grammar>;

/** `postern zmailer`. */
export const zmailer: Command = defineCommand(
  "zmailer",
  {
    brief: message`Serve ZMailer's SMTP server as its content filter`,
    description:
      message`Paths of spool files come on stdin, one answer a line goes to stdout. Mail that the policy drops or keeps in
quarantine goes to the server's freezer.`,
    footer:
      message`smtpserver.conf: PARAM contentfilter /usr/local/bin/esets_zmfi (a link to postern under that name)`,
  },
  grammar,
  runZmailer,
);

async function runZmailer(options: Options): Promise<number> {
  const tools = await ToolsConnection.to(options);
  const { listener, old, maxSize } = options;
  const lines = readLines(Deno.stdin.readable, MAX_PATH_OCTETS);
  await runFilter(lines, helperWorld(tools, maxSize), { listener, hungry: !old });
  return 0;
}
