/** `postern daemon`: the gateway itself, in the foreground. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { option } from "@optique/core/primitives";
import { type Command, configOption, defineCommand } from "./command.ts";
import { needConfig } from "./find_config.ts";

/** `postern daemon`. */
export const daemon: Command = defineCommand(
  "daemon",
  {
    brief: message`Run the gateway in the foreground`,
    description:
      message`Reads the two documents, starts scanners and agents, and runs until SIGTERM, SIGINT or "postern stop"; SIGHUP reads
the documents again. Started as root it becomes the user that the configuration names.`,
  },
  object({
    config: configOption(),
    welcome: option("--welcome", {
      description:
        message`Once it runs, say where the agents listen, where mail goes and how to send a first one`,
    }),
  }),
  async (options) => {
    const config = needConfig(options.config);
    const { runDaemon } = await import("../daemon/daemon.ts");
    return await runDaemon(config, {
      again: ["--config", config, ...(options.welcome ? ["--welcome"] : [])],
      async onServing() {
        if (!options.welcome) return;
        const { welcome } = await import("./welcome.ts");
        // Runs beside the daemon and must not end it.
        welcome(config).catch(() => {});
      },
    });
  },
);
