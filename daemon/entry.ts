/** Entry of the daemon's own process in a checkout, where root has started it. Imported by nothing. */
import { runDaemonProcess } from "./privileged.ts";

Deno.exit(await runDaemonProcess(Deno.args));
