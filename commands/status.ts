/** `postern status`: what the running daemon does. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { type Command, configOption, defineCommand, jsonOption, socketOption } from "./command.ts";
import { askDaemon } from "./connect.ts";
import { print, printJson } from "./output.ts";
import { describeStatus } from "./status_text.ts";

/** `postern status`. */
export const status: Command = defineCommand(
  "status",
  {
    brief: message`Show what the running daemon does`,
    description:
      message`Agents and where they listen, scanner processes, the policy in force, the store, and what each process may touch.
Exit status: 0 when all run, 1 when one does not, 69 when no daemon answers.`,
  },
  object({ config: configOption(), socket: socketOption(), json: jsonOption() }),
  async (options) => {
    const { result } = await askDaemon(options, "status");
    const { text, well } = describeStatus(result);
    if (options.json) printJson(result);
    else print(text);
    return well ? 0 : 1;
  },
);
