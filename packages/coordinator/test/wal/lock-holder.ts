/** Takes the folder given, says so, and holds it until it is ended. A fixture of data-dir.test.ts. */
import { lockDataDir } from "../../src/adapters/store/data-dir-lock.ts";

const folder = process.argv[2];
if (folder === undefined) throw new Error("which folder?");
lockDataDir(folder);
process.stdout.write("locked\n");
process.stdin.resume();
