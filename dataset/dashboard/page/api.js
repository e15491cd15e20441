// Requests to the dashboard's server; what it refuses is thrown as an Error with its line.

async function answer(response) {
  if (response.ok) return response.json();
  let said = `${response.status} ${response.statusText}`;
  try { said = (await response.json()).problem || said; } catch { /* no JSON: the status says it */ }
  throw Object.assign(new Error(said), { status: response.status });
}

const get = async (path, options = {}) => answer(await fetch(path, options));
const part = encodeURIComponent;

export const getTable = () => get("api/table");
export const getView = (tourId) => get(`api/clips/${part(tourId)}`);
export const getNews = (after, page, reviewer, clip) => get(
  `api/news?after=${after}&page=${part(page)}&reviewer=${part(reviewer)}&clip=${part(clip)}`,
  { signal: AbortSignal.timeout(8000) },
);
export const postDecision = async (wish) => answer(await fetch("api/decisions", {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish),
}));
export const videoAddress = (clip) => `video/${part(clip.tour_id)}/${clip.digest}`;
export const thumbnailAddress = (clip) => `thumbnail/${part(clip.tour_id)}/${clip.digest}`;
