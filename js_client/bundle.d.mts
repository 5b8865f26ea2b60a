/** Writes the modules of the package, as a user's bundler gets them, to a folder. */
export function buildModules(outdir: string): Promise<void>;
