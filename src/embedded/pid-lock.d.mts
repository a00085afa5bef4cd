export declare function takeLock(
  path: string,
): { readonly release: () => void; readonly holder?: undefined } | { readonly holder: number; readonly release?: undefined };

export declare function isAlive(pid: number): boolean;

export declare function commandLine(pid: number): string;
