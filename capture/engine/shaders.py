"""The embedded engine's GLSL programs, as strings that `#define`s specialise.

Written for a software rasteriser: what a pass does not ask for is not computed, nothing branches
per pixel, powers and logarithms are replaced by square roots and polynomials, and texels are kept
as plain bytes (decoding sRGB after filtering is several times cheaper there than sRGB textures).
"""

# Tone mapping: a filmic curve of the form of Narkowicz's fit of ACES, with a gentler toe: 0.18 stays
# 0.18, the slope at black is 0.6, 1 becomes 0.8 and 4 is white. Then sRGB's curve by square roots
# (within 0.4 % of the standard's).
TONE = """
vec3 tonemap(vec3 c) {
    return clamp(c * (3.611 * c + 0.6) / (c * (3.506 * c + 0.758) + 1.0), 0.0, 1.0);
}
vec3 encode_srgb(vec3 c) {
    vec3 s1 = sqrt(c), s2 = sqrt(s1), s3 = sqrt(s2);
    return max(0.662002687 * s1 + 0.684122060 * s2 - 0.323583601 * s3 - 0.0225411470 * c, 0.0);
}
vec3 decode_srgb(vec3 c) {
    return c * (c * (c * 0.305306011 + 0.682171111) + 0.012522878);
}
float luma(vec3 rgb) { return dot(rgb, vec3(0.299, 0.587, 0.114)); }
"""

# Where each pass goes; LIT, DEPTH, NORMAL and MASK are the numbers of the attachments.
OUTPUTS = """
#ifdef LIT
layout(location = LIT) out vec4 out_lit;  // blue, green, red, luma
#endif
#ifdef DEPTH
layout(location = DEPTH) out float out_depth;
#endif
#ifdef NORMAL
layout(location = NORMAL) out vec4 out_normal;
#endif
#ifdef MASK
layout(location = MASK) out vec4 out_mask;
#endif
"""

SCENE_VERTEX = """
uniform mat4 u_clip_from_relative;
uniform vec3 u_camera_cm;
in vec3 in_position;
#ifdef TEXTURED
in vec3 in_uvl;
out vec2 v_uv;
flat out float v_layer;
#endif
#ifdef WITH_NORMAL
in vec3 in_normal;
out vec3 v_normal;
#endif
#ifdef LIT
in vec3 in_light;
out vec3 v_light;
#ifdef LIGHTMAP_SCALE
in vec3 in_lightmap;
out vec2 v_lightmap;
flat out float v_lightmap_layer;
#endif
#ifdef SUN
uniform mat4 u_shadow_from_world;
uniform vec3 u_sun_direction;
uniform float u_shadow_offset_cm;
out vec3 v_shadow;
#endif
#ifdef FOG
out vec3 v_relative;
#endif
#endif
#ifdef MASK
in vec3 in_mask;
flat out vec3 v_mask;
#endif
void main() {
    vec3 relative = in_position - u_camera_cm;
    gl_Position = u_clip_from_relative * vec4(relative, 1.0);
#ifdef TEXTURED
    v_uv = in_uvl.xy;
    v_layer = in_uvl.z;
#endif
#ifdef WITH_NORMAL
    v_normal = in_normal;
#endif
#ifdef LIT
    v_light = in_light;
#ifdef LIGHTMAP_SCALE
    v_lightmap = in_lightmap.xy;
    v_lightmap_layer = in_lightmap.z;
#endif
#ifdef SUN
    // A surface is looked up a little in front of itself, the more the flatter the light falls:
    // that keeps it out of its own shadow without moving the shadows of others.
    float facing = dot(in_normal, u_sun_direction);
    float away = sqrt(max(1.0 - facing * facing, 0.0)) * (facing < 0.0 ? -1.0 : 1.0);
    vec3 lifted = in_position + in_normal * (away * u_shadow_offset_cm);
    v_shadow = (u_shadow_from_world * vec4(lifted, 1.0)).xyz;
#endif
#ifdef FOG
    v_relative = relative;
#endif
#endif
#ifdef MASK
    v_mask = in_mask;
#endif
}
"""

SCENE_FRAGMENT = """
#ifdef TEXTURED
uniform sampler2DArray u_albedo;
in vec2 v_uv;
flat in float v_layer;
#endif
#ifdef WITH_NORMAL
in vec3 v_normal;
#endif
#ifdef LIT
uniform float u_exposure;
in vec3 v_light;
#ifdef LIGHTMAP_SCALE
uniform sampler2DArray u_lightmaps;
in vec2 v_lightmap;
flat in float v_lightmap_layer;
#endif
#ifdef SUN
uniform vec3 u_sun_direction;
uniform vec3 u_sun_colour;
uniform sampler2DShadow u_shadow;
in vec3 v_shadow;
float sunlight() {
    const float step = 0.75 / SHADOW_SIZE;
    return 0.25 * (texture(u_shadow, v_shadow + vec3(-step, -step, 0.0))
                 + texture(u_shadow, v_shadow + vec3(step, -step, 0.0))
                 + texture(u_shadow, v_shadow + vec3(-step, step, 0.0))
                 + texture(u_shadow, v_shadow + vec3(step, step, 0.0)));
}
#endif
#ifdef FOG
uniform vec4 u_fog;
in vec3 v_relative;
#endif
#endif
#ifdef MASK
flat in vec3 v_mask;
#endif
void main() {
#ifdef TEXTURED
    vec4 texel = texture(u_albedo, vec3(v_uv, v_layer), LOD_BIAS);
#ifdef CUTOUT
    if (texel.a < 0.5) discard;
#endif
#endif
#ifdef WITH_NORMAL
    vec3 normal = normalize(gl_FrontFacing ? v_normal : -v_normal);
#endif
#ifdef LIT
    vec3 light = v_light;
#ifdef LIGHTMAP_SCALE
    light += texture(u_lightmaps, vec3(v_lightmap, max(v_lightmap_layer, 0.0))).rgb
        * (v_lightmap_layer < 0.0 ? 0.0 : LIGHTMAP_SCALE);
#endif
#ifdef SUN
    light += u_sun_colour * (max(dot(normal, u_sun_direction), 0.0) * sunlight());
#endif
    vec3 colour = decode_srgb(texel.rgb) * light;
#ifdef FOG
    colour = mix(u_fog.rgb, colour, exp2(-1.442695 * u_fog.a * length(v_relative)));
#endif
    vec3 shown = encode_srgb(tonemap(colour * u_exposure));
    out_lit = vec4(shown.bgr, luma(shown));
#endif
#ifdef DEPTH
    out_depth = min(1.0 / gl_FragCoord.w, SKY_DEPTH_CM);
#endif
#ifdef NORMAL
    out_normal = vec4(0.5 * normal + 0.5, 1.0);
#endif
#ifdef MASK
    out_mask = vec4(v_mask, 1.0);
#endif
}
"""

SHADOW_VERTEX = """
uniform mat4 u_clip_from_world;
in vec3 in_position;
#ifdef CUTOUT
in vec3 in_uvl;
out vec2 v_uv;
flat out float v_layer;
#endif
void main() {
    gl_Position = u_clip_from_world * vec4(in_position, 1.0);
#ifdef CUTOUT
    v_uv = in_uvl.xy;
    v_layer = in_uvl.z;
#endif
}
"""

SHADOW_FRAGMENT = """
#ifdef CUTOUT
uniform sampler2DArray u_albedo;
in vec2 v_uv;
flat in float v_layer;
#endif
void main() {
#ifdef CUTOUT
    if (texture(u_albedo, vec3(v_uv, v_layer)).a < 0.5) discard;
#endif
}
"""

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

SKY_FRAGMENT = """
uniform samplerCube u_sky;
in vec3 v_ray;
void main() {
#ifdef LIT
    out_lit = texture(u_sky, v_ray);
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
    colour = mix(colour, u_ground, smoothstep(0.0, 0.035, -ray.z));
    colour = mix(colour, u_fog.rgb, u_fog.a * exp(-9.0 * abs(ray.z)));
    vec3 shown = encode_srgb(tonemap(colour * u_exposure));
    out_face = vec4(shown.bgr, luma(shown));
}
"""

# FXAA 3.11's console variant (Lottes, NVIDIA): blur along the edge that the corners' luma shows.
FXAA_FRAGMENT = """
uniform sampler2D u_image;
uniform vec2 u_texel;
in vec3 v_ray;
out vec4 out_lit;
void main() {
    vec2 at = gl_FragCoord.xy * u_texel;
    vec2 half_texel = 0.5 * u_texel;
    vec4 middle = texture(u_image, at);
    float nw = texture(u_image, at - half_texel).a;
    float ne = texture(u_image, at + vec2(half_texel.x, -half_texel.y)).a + 1.0 / 384.0;
    float sw = texture(u_image, at + vec2(-half_texel.x, half_texel.y)).a;
    float se = texture(u_image, at + half_texel).a;
    float high = max(max(nw, ne), max(sw, se));
    float low = min(min(nw, ne), min(sw, se));
    float contrast = max(high, middle.a) - min(low, middle.a);
    vec2 along = normalize(vec2(sw + se - nw - ne, nw + sw - ne - se));
    vec3 near = texture(u_image, at - along * half_texel).rgb
              + texture(u_image, at + along * half_texel).rgb;
    float sharpness = 8.0 * min(abs(along.x), abs(along.y));
    vec2 stretch = clamp(along / max(sharpness, 1e-4), -2.0, 2.0) * u_texel;
    vec4 far = 0.25 * (texture(u_image, at - stretch) + texture(u_image, at + stretch))
             + 0.25 * vec4(near, 0.0);
    float far_luma = luma(far.bgr);
    vec3 smoothed = far_luma < low || far_luma > high ? 0.5 * near : far.rgb;
    bool flat_area = contrast < max(0.04, high * 0.125);
    out_lit = vec4(flat_area ? middle.rgb : smoothed, 1.0);
}
"""


def assemble(body: str, defines: dict[str, object], *, outputs: bool = False) -> str:
    """The source of one shader: version, `#define`s, shared functions, `body`."""
    lines = [f"#define {name} {value}" for name, value in defines.items()]
    return "\n".join(["#version 330", *lines, TONE, OUTPUTS if outputs else "", body])
