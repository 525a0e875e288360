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
      "expected suspicious; they embed a text file of 57 octets, which is opened and scanned. An embedded program is seen like every other program.",
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
    files: "`files/arc/*`, `files/rar/*`: cut, damaged or single volumes (some 25 files)",
    why:
      "expected clean, as the readers that they were made to test show nothing bad; no reader gives all of their content, so they are malformed",
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
