"""GLSL that covers the whole image: the sky, and depth of tiles. See `shaders`."""

# Three corners cover the screen; at depth 1 only what nothing covers is filled.
SKY_VERTEX = """
uniform mat3 u_ray_from_screen;
out vec3 v_ray;
void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    v_ray = u_ray_from_screen * vec3(corner, 1.0);
    gl_Position = vec4(corner, 1.0, 1.0);
}
"""

# The same without a ray.
SCREEN_VERTEX = """
void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    gl_Position = vec4(corner, 0.0, 1.0);
}
"""

# The farthest depth of 8 x 8 pixels: see `occlusion`.
FARTHEST_FRAGMENT = """
uniform sampler2D u_depth;
uniform ivec2 u_last;
out float out_depth;
void main() {
    vec2 texel = 1.0 / vec2(u_last + 1);
    vec2 first = floor(gl_FragCoord.xy) * 8.0 + 1.0;
    vec4 farthest = vec4(0.0);
    for (int y = 0; y < 8; y += 2)
        for (int x = 0; x < 8; x += 2) {
            vec2 corner = min(first + vec2(x, y), vec2(u_last));
            farthest = max(farthest, textureGather(u_depth, corner * texel));
        }
    out_depth = max(max(farthest.x, farthest.y), max(farthest.z, farthest.w));
}
"""

SKY_FRAGMENT = """
uniform samplerCube u_sky;
uniform float u_exposure;
in vec3 v_ray;
#ifdef FLOW
uniform mat3 u_previous_from_ray;
uniform vec2 u_half_size;
#endif
void main() {
#ifdef LIT
    out_lit = texture(u_sky, v_ray);
#ifdef STORED
    out_lit.rgb = sqrt(decode_srgb(out_lit.rgb) / (u_exposure * STORED));
#endif
#endif
#ifdef DEPTH
    out_depth = SKY_DEPTH_CM;
#endif
#ifdef NORMAL
    out_normal = vec4(128.0 / 255.0);
#endif
#ifdef MASK
    out_mask = vec4(0.0);
#endif
#ifdef FLOW
    vec3 previous = u_previous_from_ray * v_ray;
    out_flow = previous.z > 0.0
        ? gl_FragCoord.xy - u_half_size * (previous.xy / previous.z + 1.0)
        : vec2(uintBitsToFloat(0x7fc00000u));
#endif
}
"""

# One face of the sky's cube map, tone mapped like a surface.
SKY_FACE_FRAGMENT = """
uniform vec3 u_zenith;
uniform vec3 u_horizon;
uniform vec3 u_ground;
uniform float u_cloud_cover;
uniform vec3 u_sun_direction;
uniform vec3 u_sun_colour;
uniform vec4 u_fog;
uniform float u_exposure;
in vec3 v_ray;
out vec4 out_face;

float hash(ivec2 cell) {
    uint h = uint(cell.x) * 0x27d4eb2du ^ uint(cell.y) * 0x165667b1u;
    h = (h ^ (h >> 15)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    return float((h ^ (h >> 16)) >> 8) / 16777216.0;
}
float noise(vec2 p) {
    ivec2 cell = ivec2(floor(p));
    vec2 f = fract(p);
    f = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    return mix(mix(hash(cell), hash(cell + ivec2(1, 0)), f.x),
               mix(hash(cell + ivec2(0, 1)), hash(cell + ivec2(1, 1)), f.x), f.y);
}
float fbm(vec2 p) {
    float sum = 0.0, gain = 0.5;
    for (int i = 0; i < 6; ++i) {
        sum += gain * noise(p);
        p = mat2(1.6, 1.2, -1.2, 1.6) * p + 17.3;
        gain *= 0.5;
    }
    return sum;
}
float cloud(vec2 p) {
    float shape = fbm(p + 0.6 * vec2(fbm(p + 3.1), fbm(p + 11.7)));
    return smoothstep(0.0, 0.22, shape - mix(0.72, 0.22, u_cloud_cover));
}
void main() {
    vec3 ray = normalize(v_ray);
    float up = max(ray.z, 0.0);
    vec3 colour = mix(u_horizon, u_zenith, 1.0 - exp(-3.2 * up));
    float to_sun = max(dot(ray, u_sun_direction), 0.0);
    colour += u_sun_colour * (0.04 * pow(to_sun, 8.0) + 0.12 * pow(to_sun, 90.0));
    vec2 plane = ray.xy / (up + 0.12) * 1.3;
    vec2 sunward = u_sun_direction.xy * 0.12;
    float density = cloud(plane);
    float shade = clamp(density - 0.6 * cloud(plane + sunward) + 0.55, 0.0, 1.0);
    vec3 white = mix(0.55 * u_horizon + 0.1 * u_zenith, u_horizon * 0.75 + 0.35, shade);
    white += u_sun_colour * (0.06 * pow(to_sun, 6.0));
    float opacity = density * smoothstep(0.0, 0.16, up);
    colour = mix(colour, white, 0.92 * opacity);
    colour += u_sun_colour * (20.0 * smoothstep(0.99985, 0.99992, to_sun) * (1.0 - opacity));
    colour = mix(colour, u_ground, smoothstep(-0.005, 0.12, -ray.z));
    colour = mix(colour, u_fog.rgb, u_fog.a * exp(-9.0 * abs(ray.z)));
    vec3 shown = encode_srgb(tonemap(colour * u_exposure));
    out_face = vec4(shown.bgr, 1.0);
}
"""
