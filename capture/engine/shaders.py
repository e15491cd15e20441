"""The embedded engine's GLSL programs, as strings that `#define`s specialise.

Written for a software rasteriser: what a pass does not ask for is not computed, nothing branches
per pixel, powers and logarithms are replaced by square roots and polynomials, and texels are kept
as plain bytes (decoding sRGB after filtering is several times cheaper there than sRGB textures).
"""

# Tone mapping: a filmic curve of the form of Narkowicz's fit of ACES, with a gentler toe: 0.18
# stays 0.18, the slope at black is 0.6, 1 becomes 0.8 and 4 is white. Then sRGB's curve by square
# roots (within 0.4 % of the standard's).
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
// One filtered look-up: the map is so fine that more of them cost more than they soften.
float sunlight() { return texture(u_shadow, v_shadow); }
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


def assemble(body: str, defines: dict[str, object], *, outputs: bool = False) -> str:
    """The source of one shader: version, `#define`s, shared functions, `body`."""
    lines = [f"#define {name} {value}" for name, value in defines.items()]
    return "\n".join(["#version 330", *lines, TONE, OUTPUTS if outputs else "", body])
