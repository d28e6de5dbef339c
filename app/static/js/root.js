// Where the application is served: at the root of its host, or under a path that a proxy gives it.

/** Return the address of what lies at `path`, which begins without a slash, in the application. */
export const inApp = (path) => new URL(`../../${path}`, import.meta.url);
