/** Where the sockets between a pool and its scanners are: for their owner alone, with a short name, gone when nobody has them. */
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `postern-scan-PID-RANDOM` in the system's directory for temporary files: a socket's path has 107 octets at most. */
const PREFIX = "postern-scan-";

/** Makes a directory of mode 0700, and removes those of processes that were killed. */
export async function socketDirectory(): Promise<string> {
  await sweep();
  return await Deno.makeTempDir({ prefix: `${PREFIX}${Deno.pid}-` }); // the runtime makes it 0700
}

/** Removes what this user's dead processes left. What cannot be removed is another user's, or gone already. */
async function sweep(): Promise<void> {
  const temporary = tmpdir();
  const uid = Deno.uid();
  try {
    for await (const { name } of Deno.readDir(temporary)) {
      const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
      if (!pid || isAlive(pid)) continue;
      const path = join(temporary, name);
      const owned = uid === 0 || (await Deno.lstat(path)).uid === uid;
      if (owned) await Deno.remove(path, { recursive: true });
    }
  } catch {
    // The next start tries again.
  }
}

/** Whether a process of this id is there, whosever it is. */
function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
