/** What `make run` says once the gateway runs: where it listens, where mail goes, what to try first. */
import { hostname } from "node:os";
import { readConfig } from "../daemon/documents.ts";
import { socketPath } from "./connect.ts";
import { print, visible } from "./output.ts";
import { agentAddresses } from "./status_text.ts";
import { ControlClient } from "../daemon/control/client.ts";

/** How long the daemon may take to start before nobody waits for it any more, ms. */
const START_MS = 60_000;

async function whenRunning(socket: string): Promise<ControlClient | undefined> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    try {
      return await ControlClient.connect(socket);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return undefined;
}

/** The command as it can be pasted where the program was started. */
function program(): string {
  return Deno.build.standalone ? Deno.execPath() : "bin/postern";
}

/** Who connects to an agent that passes nothing on itself. */
const USES: Readonly<Partial<Record<string, string>>> = {
  milter: "for a mail server's milter settings",
  clamd: "for programs that ask clamd",
  spamd: "for programs that ask spamd",
  rspamd: "for programs that ask rspamd",
  pop3: "for mail programs",
  imap: "for mail programs",
};

/**
 * Waits for the daemon and prints the page to stdout.
 *
 * @param config The document that the daemon was started with.
 */
export async function welcome(config: string): Promise<void> {
  const socket = await socketPath({ config });
  const [control, { agents, policy, state }] = await Promise.all([
    whenRunning(socket),
    readConfig(config),
  ]);
  if (control === undefined) return;
  const { result } = await control.call("status");
  control.close();
  const listening = agentAddresses(result);
  const lines = ["", "Postern runs. Ctrl-C stops it.", ""];
  for (const { name, address } of listening) {
    const agent = agents.find((each) => each.name === name);
    lines.push(
      `  ${agent?.agent ?? "agent"} ${address}  (${name}), ${
        agent === undefined
          ? "gone"
          : agent.agent === "smtp"
          ? `mail goes to ${agent.nextHop}`
          : USES[agent.agent] ?? "for programs that speak its protocol"
      }`,
    );
  }
  lines.push(`  policy ${policy}`, `  state  ${state}`, "");
  const first = listening.find(({ agent }) => agent === "smtp");
  if (first !== undefined) {
    const from = `you@${hostname()}`;
    const server = `--server ${first.address}`;
    lines.push(
      "Try in another terminal, in this directory:",
      "",
      `  ${program()} send clean ${server} --to postmaster@localhost`,
      `  ${program()} send eicar ${server} --to postmaster@localhost    # the EICAR test file: refused`,
      `  swaks --server ${first.address} --from ${from} --to postmaster@localhost    # any client does`,
      "",
    );
  }
  print(lines.map((line) => visible(line) + "\n").join(""));
}
