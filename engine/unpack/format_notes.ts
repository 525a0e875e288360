/** What is known of formats that are not opened, for people. */
import { isForeign, unpackerFor } from "./formats.ts";

/** Why a type of container is not opened. Every type that the engine takes for a container and does not open is here. */
export const NOT_OPENED: Readonly<Record<string, string>> = {
  lrzip: "needs several decoders and gigabytes of memory by design; no portable reader",
  zpaq: "archives carry the program that unpacks them: its time has no bound",
  uha: "of the 1990s; never documented",
};

/** Where the engine's answer and the test corpus differ, and why. */
export const CORPUS_NOTES: readonly { readonly files: string; readonly why: string }[] = [
  {
    files: "`files/office/embedded-simple-2007.*` (11 files)",
    why:
      "expected suspicious for a DDE field, which none of them has: they embed a text file of 57 octets as an object, which is opened and scanned. A program in its place is found (`Heuristic.PackagedProgram`).",
  },
  {
    files: "`mime/mib/c129.eml`, `mime/mib/c130.eml`",
    why: "expected infected; what every reader shows of them is 21 octets of text and no zip",
  },
  {
    files: "`files/office/autostart-encrypt-standardpassword.xls`, `.xlsm`",
    why:
      "expected not scanned; they are under Excel's own password and are opened. A macro that only shows a box is no finding.",
  },
  {
    files: "`files/office/dde-in-word2003.xml.zip`",
    why: "expected suspicious; encrypted, and no password is told: not scanned",
  },
  {
    files:
      "`files/arc/rar5_multiarchive.part0*`, `files/rar/rar3-old.*`, `files/arc/cab_multi.*` (13 files)",
    why:
      "expected clean; single volumes, each scanned alone: what goes on in the next one is malformed. Together in one message they are read whole.",
  },
  {
    files: "`files/arc/rar*_*`, `zip_bz2_hang.zip`, `zip_lzma_alone_leak.zipx` (11 files)",
    why:
      "expected clean, as they show nothing bad to the reader that they were made to break; they are cut or damaged, no reader gives all of their content, and they are malformed",
  },
  {
    files:
      "`files/arc/7zip_encryption_partially.7z`, `rar5_only_crypt_exfld.rar`, `files/pdf/pages-copy-encryption.pdf`",
    why: "expected clean; encrypted in part or in whole, and no password is told: not scanned",
  },
  {
    files: "`files/arc/filter_lrzip.tar.lrz`",
    why: "expected clean; lrzip is not opened",
  },
  {
    files: "`files/arc/7zip_zstd_arm.7z`",
    why: "expected clean; zstd is no method of 7z's specification: unsupported",
  },
];

/** Who opens a type of content; `undefined` where it is not opened, or is no container. */
export function readerOf(type: string): "own" | "7-Zip" | undefined {
  if (isForeign(type)) return "7-Zip";
  return unpackerFor(type) === undefined ? undefined : "own";
}
