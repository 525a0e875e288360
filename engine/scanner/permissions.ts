/** Everything a Deno process may have. */
const PERMISSIONS = ["run", "ffi", "env", "sys", "net", "write", "read", "import"];

/** Gives up every permission of this thread, for good. @returns the names of those that stay granted, in spite of all. */
export function giveUpPermissions(): string[] {
  const kept: string[] = [];
  for (const name of PERMISSIONS) {
    const descriptor = { name } as Deno.PermissionDescriptor;
    try {
      if (Deno.permissions.revokeSync(descriptor).state === "granted") kept.push(name);
    } catch {
      // A name that this version of the runtime does not know.
    }
  }
  return kept;
}
