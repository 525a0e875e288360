/** An Rspamd of the test's own: its scanner, or its proxy, with the modules that a test turns on. */
import { accepts, freePort } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** What Rspamd is started with. */
export interface RspamdOptions {
  /** An empty directory that other users may enter. */
  readonly directory: string;
  /** Sections of modules, by the names that they have in local.d. Without them it is a proxy alone. */
  readonly local?: Readonly<Record<string, string>>;
  /** A milter on a port of its own, whose scans go to another server. */
  readonly proxyTo?: string;
}

/** A running Rspamd. */
export interface Rspamd extends AsyncDisposable {
  /** Where it takes /checkv2, or the milter protocol where it is a proxy. */
  readonly port: number;
  log(): string;
}

/** Starts it. Nothing is looked up in the DNS, and no Redis is needed. */
export async function startRspamd(options: RspamdOptions): Promise<Rspamd> {
  const { directory, local = {}, proxyTo } = options;
  const port = freePort();
  await Deno.chmod(directory, 0o777);
  const modules = Object.entries(local).map(([name, text]) =>
    `${name.replace(/\.conf$/, "")} {\n${text}\n}`
  );
  const worker = proxyTo === undefined
    ? `worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }`
    : `worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${port}";
  milter = yes;
  timeout = 30s;
  count = 1;
  upstream "postern" {
    default = yes;
    self_scan = no;
    hosts = "${proxyTo}";
  }
}`;
  // With all the world's suffixes it takes half a minute to start.
  const suffixes = `${directory}/suffixes`;
  await Deno.writeTextFile(suffixes, "com\norg\ntest\n");
  const configuration = `${directory}/rspamd.conf`;
  await Deno.writeTextFile(
    configuration,
    `
options {
  pidfile = "${directory}/rspamd.pid";
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
  filters = "";
  disable_hyperscan = true;
  hs_cache_dir = "${directory}";
  rrd = "";
  history_file = "";
  url_tld = "${suffixes}";
}
logging { type = "console"; level = "info"; color = false; }
actions { reject = 15; add_header = 6; greylist = 4; }
metric { name = "default"; actions { reject = 15; "add header" = 6; greylist = 4; } unknown_weight = 1.0; }
modules { path = "/usr/share/rspamd/plugins/antivirus.lua"; }
${worker}
${modules.join("\n")}
`,
  );
  // Its own user where this is root; as the tests' user else.
  const args = [
    "-f",
    "-c",
    configuration,
    ...(Deno.uid() === 0 ? ["-u", "_rspamd", "-g", "_rspamd"] : ["-i"]),
  ];
  const process = new Process("rspamd", await peer("rspamd"), args, { cwd: directory });
  try {
    await process.ready("listens", () => accepts(port));
  } catch (error) {
    await process.stop();
    throw error;
  }
  return {
    port,
    log: () => process.output,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
