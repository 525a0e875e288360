/** A c-icap of the test's own, whose virus scanner asks a clamd of the test's own. */
import { accepts, freePort } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** A running c-icap. */
export interface CIcap extends AsyncDisposable {
  /** URL of a service; `virus_scan` is the scanner, `echo` says no word about what it gets. */
  url(service: "virus_scan" | "echo"): string;
  readonly process: Process;
}

/**
 * Starts it.
 *
 * @param directory An empty directory.
 * @param clamd Path of clamd's unix socket.
 */
export async function startCIcap(directory: string, clamd: string): Promise<CIcap> {
  const port = freePort();
  const configuration = `${directory}/c-icap.conf`;
  await Deno.writeTextFile(
    configuration,
    `
PidFile ${directory}/c-icap.pid
CommandsSocket ${directory}/c-icap.ctl
Port 127.0.0.1:${port}
TmpDir ${directory}
StartServers 1
MaxServers 1
ThreadsPerChild 4
ServerLog ${directory}/server.log
AccessLog ${directory}/access.log
ModulesDir /usr/lib/${Deno.build.arch}-linux-gnu/c_icap
ServicesDir /usr/lib/${Deno.build.arch}-linux-gnu/c_icap
LoadMagicFile /etc/c-icap/c-icap.magic
Service echo srv_echo.so
Service virus_scan virus_scan.so
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.SendPercentData 0
virus_scan.MaxObjectSize 5M
virus_scan.DefaultEngine clamd
Module common clamd_mod.so
clamd_mod.ClamdSocket ${clamd}
`,
  );
  const process = new Process("c-icap", await peer("c-icap"), ["-N", "-f", configuration]);
  try {
    await process.ready("listens", () => accepts(port));
  } catch (error) {
    await process.stop();
    throw error;
  }
  return {
    url: (service) => `icap://127.0.0.1:${port}/${service}`,
    process,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
