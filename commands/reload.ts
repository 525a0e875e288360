/** `postern reload`: both documents are read again; what does not check leaves the old ones in force. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { type Command, configOption, defineCommand, jsonOption, socketOption } from "./command.ts";
import { askDaemon } from "./connect.ts";
import { printJson, printLine } from "./output.ts";

/** `postern reload`. */
export const reload: Command = defineCommand(
  "reload",
  {
    brief: message`Read configuration and policy again, without dropping a session`,
    description:
      message`A document that does not check leaves the old ones in force; what is wrong is printed, and the exit status
is 78.`,
  },
  object({ config: configOption(), socket: socketOption(), json: jsonOption() }),
  async (options) => {
    const { result } = await askDaemon(options, "reload");
    if (options.json) printJson(result);
    else printLine("Reloaded.");
    return 0;
  },
);
