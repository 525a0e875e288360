/** Commands that read mail give up what they do not need any more, before they look at it. */

/** Everything that a process of Deno may have. */
const ALL = ["run", "ffi", "env", "sys", "net", "write", "read", "import"] as const;
/** One of these. */
export type PermissionName = (typeof ALL)[number];

/**
 * Revokes every permission but those named, for the rest of the process. Connections and files that are open stay open.
 *
 * @param keep What is still needed.
 */
export function giveUpAllBut(...keep: readonly PermissionName[]): void {
  for (const name of ALL) {
    if (keep.includes(name)) continue;
    try {
      Deno.permissions.revokeSync({ name } as Deno.PermissionDescriptor);
    } catch {
      // A name that this version of the runtime does not know.
    }
  }
}
