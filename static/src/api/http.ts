// One door to the public API: envelope, identity with rotation, idempotency
// and failures as data. It knows no resource by name.
import { randomId } from "./ids";
import { freshestTokens, keepTokens, tokens } from "./session";
import type { Answer, ApiError } from "./types";

export class ApiFailure extends Error {
  constructor(readonly status: number, readonly errors: ApiError[]) {
    super(errors[0]?.detail ?? errors[0]?.title ?? `HTTP ${status}`);
  }
  get code(): string {
    return this.errors[0]?.code ?? "UNKNOWN";
  }
  get meta(): Record<string, unknown> {
    return this.errors[0]?.meta ?? {};
  }
}

export interface Options {
  body?: unknown;
  ifMatch?: number;
  /** The caller is not signed in yet (sign-up, sign-in). */
  anonymous?: boolean;
}

const BASE = "/api/v1";

export async function call<T = unknown>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.ifMatch !== undefined) headers["If-Match"] = `"${options.ifMatch}"`;
  if (method !== "GET" && !path.startsWith("/auth/")) headers["Idempotency-Key"] = randomId();
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const request = { method, headers, body };

  if (options.anonymous) return parsed<T>(await sent(path, request));
  const before = await currentAccess();
  let response = await sent(path, { ...request, headers: authorised(headers, before) });
  if (response.status === 401 && tokens()) {
    const after = await rotate(before);
    if (after) response = await sent(path, { ...request, headers: authorised(headers, after) });
    else if (response.status === 401 && !tokens()) throw await failure(response);
  }
  return parsed<T>(response);
}

export const get = <T>(path: string) => call<T>("GET", path);
export const post = <T>(path: string, type: string, attributes: object, options: Options = {}) =>
  call<T>("POST", path, { ...options, body: { data: { type, attributes } } });

/** Every page of a list, up to a bound that protects the browser. */
export async function getAll<T>(path: string, maxPages = 10): Promise<Answer<T[]>> {
  const join = path.includes("?") ? "&" : "?";
  const all: Answer<T[]> = { data: [], included: [], meta: {} };
  for (let page = 1; page <= maxPages; page += 1) {
    const answer = await get<T[]>(`${path}${join}page=${page}&limit=200`);
    all.data.push(...answer.data);
    all.included!.push(...(answer.included ?? []));
    all.meta = answer.meta;
    if (page >= Number(answer.meta?.totalPages ?? 1)) break;
  }
  return all;
}

export async function signIn(email: string, password: string, accountId?: string): Promise<void> {
  const response = await sent("/auth/login", jsonPost({ email, password, ...(accountId ? { accountId } : {}) }));
  if (!response.ok) throw await failure(response);
  keep(await response.json());
}

export async function signOut(): Promise<void> {
  const access = tokens()?.accessToken;
  keepTokens(null);
  if (!access) return;
  const request = jsonPost({});
  await sent("/auth/logout", { ...request, headers: authorised(request.headers, access) }).catch(() => undefined);
}

/** Gets a new pair for the one that was refused; null means signed out. */
export async function rotate(refused: string | null): Promise<string | null> {
  rotating ??= rotateOnce(refused).finally(() => (rotating = null));
  return rotating;
}

let rotating: Promise<string | null> | null = null;

async function rotateOnce(refused: string | null): Promise<string | null> {
  return locked(async () => {
    const latest = freshestTokens();
    if (!latest) return null;
    if (latest.accessToken !== refused && latest.expiresAt > Date.now()) return latest.accessToken;
    const response = await sent("/auth/refresh", jsonPost({ refreshToken: latest.refreshToken }));
    if (response.status === 401 || response.status === 400 || response.status === 403) {
      keepTokens(null);
      return null;
    }
    if (!response.ok) throw await failure(response);
    return keep(await response.json());
  });
}

function locked<T>(work: () => Promise<T>): Promise<T> {
  // Web locks exist only in a secure context; elsewhere two tabs may both
  // rotate, which the server forgives for ten seconds.
  if (!navigator.locks) return work();
  return navigator.locks.request("muster.rotate", work) as Promise<T>;
}

async function currentAccess(): Promise<string | null> {
  const held = tokens();
  if (!held) return null;
  if (held.expiresAt - Date.now() > 10_000) return held.accessToken;
  return rotate(held.accessToken);
}

function keep(answer: { accessToken: string; refreshToken: string; expiresIn?: number }): string {
  const lifeS = answer.expiresIn ?? 3600;
  keepTokens({
    accessToken: answer.accessToken,
    refreshToken: answer.refreshToken,
    expiresAt: Date.now() + lifeS * 1000,
  });
  return answer.accessToken;
}

function jsonPost(body: unknown) {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" } as Record<string, string>,
    body: JSON.stringify(body),
  };
}

function authorised(headers: Record<string, string>, access: string | null): Record<string, string> {
  return access ? { ...headers, Authorization: `Bearer ${access}` } : headers;
}

async function sent(path: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(BASE + path, request);
  } catch {
    // The same request with the same Idempotency-Key: harmless if the first arrived.
    await new Promise((resolve) => setTimeout(resolve, 400));
    try {
      return await fetch(BASE + path, request);
    } catch {
      throw new ApiFailure(0, [{ code: "NETWORK" }]);
    }
  }
}

async function parsed<T>(response: Response): Promise<Answer<T>> {
  if (!response.ok) throw await failure(response);
  if (response.status === 204) return { data: undefined as T };
  return (await response.json()) as Answer<T>;
}

async function failure(response: Response): Promise<ApiFailure> {
  try {
    const body = (await response.json()) as { errors?: ApiError[] };
    if (Array.isArray(body.errors) && body.errors.length) return new ApiFailure(response.status, body.errors);
  } catch {
    // Not JSON: a proxy's page, say. The status must do.
  }
  return new ApiFailure(response.status, [{ code: "UNKNOWN", title: `HTTP ${response.status}` }]);
}
