/** Directories of tests. */

/**
 * A new directory that other users may enter: a gateway or a mail server that was started as root goes on as another user.
 * Removed when it is disposed of.
 */
export async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "postern-test-" });
  await Deno.chmod(path, 0o755);
  return {
    path,
    async [Symbol.asyncDispose]() {
      // A daemon that was just killed may still have a child that writes; what it leaves goes with the second try.
      for (let tries = 0; tries < 5; tries++) {
        try {
          await Deno.remove(path, { recursive: true });
          return;
        } catch (error) {
          if (error instanceof Deno.errors.NotFound) return;
          await new Promise((wake) => setTimeout(wake, 50));
        }
      }
    },
  };
}
