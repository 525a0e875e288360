/** Entry of every agent's worker: loads, says so, starts the agent it is told to, and passes messages. Imported by nothing. */
import { PosternError } from "../errors.ts";
import type { RunningAgent } from "./ports.ts";
import { serveAgent } from "./worker_serve.ts";
import { startClamdAgent } from "./clamd/agent.ts";
import { startImapAgent } from "./imap/agent.ts";
import { startMilterAgent } from "./milter/agent.ts";
import { startPop3Agent } from "./pop3/agent.ts";
import { startSpamdAgent } from "./spamd/agent.ts";
import { startRspamdAgent } from "./rspamd/agent.ts";
import { startSmtpAgent } from "./smtp/agent.ts";

serveAgent((agent, config, ports): Promise<RunningAgent> => {
  switch (agent) {
    case "smtp":
      // From the daemon, which has checked it.
      return startSmtpAgent(config as Parameters<typeof startSmtpAgent>[0], ports);
    case "milter":
      return startMilterAgent(config as Parameters<typeof startMilterAgent>[0], ports);
    case "clamd":
      return startClamdAgent(config as Parameters<typeof startClamdAgent>[0], ports);
    case "spamd":
      return startSpamdAgent(config as Parameters<typeof startSpamdAgent>[0], ports);
    case "pop3":
      return startPop3Agent(config as Parameters<typeof startPop3Agent>[0], ports);
    case "imap":
      return startImapAgent(config as Parameters<typeof startImapAgent>[0], ports);
    case "rspamd":
      return startRspamdAgent(config as Parameters<typeof startRspamdAgent>[0], ports);
    default:
      throw new PosternError("daemon/worker", `There is no agent ${String(agent satisfies never)}`);
  }
});
