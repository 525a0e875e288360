/** `postern stop`: messages in flight are finished first. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { PosternError } from "../errors.ts";
import { type Command, configOption, defineCommand, socketOption } from "./command.ts";
import { connectDaemon } from "./connect.ts";
import { printLine } from "./output.ts";

/** `postern stop`. */
export const stop: Command = defineCommand(
  "stop",
  {
    brief: message`Stop the running daemon, messages in flight being finished`,
    description:
      message`Returns when the daemon is gone; it takes no longer than stopTime of the configuration.`,
  },
  object({ config: configOption(), socket: socketOption() }),
  async (options) => {
    const client = await connectDaemon(options);
    try {
      await client.call("stop");
    } catch (error) {
      // The connection ends when the daemon does: that is the answer.
      if (!(error instanceof PosternError && error.code.startsWith("wire/"))) throw error;
    } finally {
      client.close();
    }
    printLine("Stopped.");
    return 0;
  },
);
