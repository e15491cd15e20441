"""The embedded engine's GLSL programs, as strings that `#define`s specialise.

Written for a software rasteriser: what a pass does not ask for is not computed, nothing branches
per pixel, powers and logarithms are replaced by square roots and polynomials, and texels are kept
as plain bytes (decoding sRGB after filtering is several times cheaper there than sRGB textures).
A bias of the texture's level of detail would cost as much as a third of the look-up.

FULL_SUN is set where no shadow falls onto a triangle, PARTLY_SUNNY where one may: see `sunlight`.
"""

from capture.engine.reflections import SURROUNDINGS

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
"""

# Where each pass goes; LIT, DEPTH, NORMAL and MASK are the numbers of the attachments.
OUTPUTS = """
#ifdef LIT
layout(location = LIT) out vec4 out_lit;  // blue, green, red, 1
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
#ifdef FLOW
layout(location = FLOW) out vec2 out_flow;
#endif
"""

# The shadow map seen through a cubic B-spline, four texels wide: smooth edges, no noise. What is
# looked up is a place a little in front of the surface, the more the flatter the light falls: that
# keeps a surface out of its own shadow without moving the shadows of others.
LIFTED = """
uniform mat4 u_shadow_from_world;
uniform vec3 u_sun_direction;
uniform float u_shadow_offset_cm;
out vec3 v_shadow;
vec3 in_shadow_map(vec3 position, vec3 normal) {
    float facing = dot(normal, u_sun_direction);
    float away = sqrt(max(1.0 - facing * facing, 0.0)) * (facing < 0.0 ? -1.0 : 1.0);
    vec3 lifted = position + normal * (away * u_shadow_offset_cm);
    return (u_shadow_from_world * vec4(lifted, 1.0)).xyz;
}
"""
SHADOW_LOOKUP = """
uniform sampler2DShadow u_shadow;
in vec3 v_shadow;
float of_quad(vec2 corner, vec2 wx, vec2 wy) {
    vec4 lit = textureGather(u_shadow, corner, v_shadow.z);
    return wy.y * (wx.x * lit.x + wx.y * lit.y) + wy.x * (wx.y * lit.z + wx.x * lit.w);
}
float sunlight() {
    vec2 at = v_shadow.xy * SHADOW_SIZE - 0.5;
    vec2 first = floor(at), f = at - first, g = 1.0 - f;
    vec2 w0 = g * g * g / 6.0, w3 = f * f * f / 6.0;
    vec2 w1 = 2.0 / 3.0 - 0.5 * f * f * (1.0 + g), w2 = 1.0 - w0 - w1 - w3;
    vec2 low = first / SHADOW_SIZE, high = (first + 2.0) / SHADOW_SIZE;
    return of_quad(low, vec2(w0.x, w1.x), vec2(w0.y, w1.y))
         + of_quad(vec2(high.x, low.y), vec2(w2.x, w3.x), vec2(w0.y, w1.y))
         + of_quad(vec2(low.x, high.y), vec2(w0.x, w1.x), vec2(w2.y, w3.y))
         + of_quad(high, vec2(w2.x, w3.x), vec2(w2.y, w3.y));
}
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
#ifdef PARTLY_SUNNY
@LIFTED@
#endif
#if defined(FOG) || defined(GLOSSY)
out vec3 v_relative;
#endif
#ifdef TINTED
in vec3 in_tint;
out vec3 v_tint;
#endif
#ifdef GLOSSY
in vec2 in_gloss;
flat out vec2 v_gloss;  // gloss, number of the place whose surroundings are reflected
#endif
#endif
#ifdef MASK
in vec3 in_mask;
flat out vec3 v_mask;
#endif
#ifdef FLOW
uniform mat4 u_clip_from_previous;
uniform vec3 u_previous_cm;
out vec3 v_previous;
#endif
invariant gl_Position;
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
#ifdef PARTLY_SUNNY
    v_shadow = in_shadow_map(in_position, in_normal);
#endif
#if defined(FOG) || defined(GLOSSY)
    v_relative = relative;
#endif
#ifdef TINTED
    v_tint = in_tint;
#endif
#ifdef GLOSSY
    v_gloss = in_gloss;
#endif
#endif
#ifdef MASK
    v_mask = in_mask;
#endif
#ifdef FLOW
    v_previous = (u_clip_from_previous * vec4(in_position - u_previous_cm, 1.0)).xyw;
#endif
}
""".replace("@LIFTED@", LIFTED)

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
#ifdef TINTED
in vec3 v_tint;
#endif
#ifdef LIGHTMAP_SCALE
uniform sampler2DArray u_lightmaps;
in vec2 v_lightmap;
flat in float v_lightmap_layer;
#endif
#if defined(FULL_SUN) || defined(PARTLY_SUNNY)
uniform vec3 u_sun_direction;
uniform vec3 u_sun_colour;
#endif
#ifdef FULL_SUN
float sunlight() { return 1.0; }
#endif
#ifdef PARTLY_SUNNY
@SHADOW_LOOKUP@
#endif
#ifdef FOG
uniform vec4 u_fog;
#endif
#if defined(FOG) || defined(GLOSSY)
in vec3 v_relative;
#endif
#ifdef GLOSSY
flat in vec2 v_gloss;
@SURROUNDINGS@
#endif
#endif
#ifdef MASK
flat in vec3 v_mask;
#endif
#ifdef FLOW
uniform vec2 u_half_size;
in vec3 v_previous;
#endif
void main() {
#ifdef TEXTURED
    vec4 texel = texture(u_albedo, vec3(v_uv, v_layer));
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
#if defined(FULL_SUN) || defined(PARTLY_SUNNY)
    float sunny = max(dot(normal, u_sun_direction), 0.0) * sunlight();
    light += u_sun_colour * sunny;
#endif
    vec3 colour = decode_srgb(texel.rgb) * light;
#ifdef TINTED
    colour *= v_tint;
#endif
#ifdef FOG
    colour = mix(u_fog.rgb, colour, exp2(-1.442695 * u_fog.a * length(v_relative)));
#endif
#ifdef GLOSSY
    vec3 ray = normalize(v_relative);
    float along = 1.0 + min(dot(ray, normal), 0.0);
    float fresnel = 0.04 + 0.96 * along * along * along * along * along;
    float mirror = v_gloss.x * mix(fresnel, 1.0, v_gloss.x * v_gloss.x);
    vec3 bounced = reflect(ray, normal);
    colour = mix(colour, surroundings(bounced), mirror);
#if defined(FULL_SUN) || defined(PARTLY_SUNNY)
    float glint = max(dot(bounced, u_sun_direction), 0.0);
    colour += u_sun_colour * (sunny * mirror * 12.0 * pow(glint, 24.0 + 600.0 * v_gloss.x));
#endif
#endif
#ifdef STORED
    vec3 shown = sqrt(colour / STORED);
#else
    vec3 shown = encode_srgb(tonemap(colour * u_exposure));
#endif
    out_lit = vec4(shown.bgr, 1.0);
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
#ifdef FLOW
    vec2 previous = u_half_size * (v_previous.xy / v_previous.z + 1.0);
    out_flow = v_previous.z > 0.0 ? gl_FragCoord.xy - previous : vec2(uintBitsToFloat(0x7fc00000u));
#endif
}
""".replace("@SHADOW_LOOKUP@", SHADOW_LOOKUP).replace("@SURROUNDINGS@", SURROUNDINGS)

# Nothing but depth.
DEPTH_FRAGMENT = """
void main() {}
"""

SHADOW_VERTEX = """
uniform mat4 u_clip_from_world;
in vec3 in_position;
#ifdef SUNLIT
in vec3 in_normal;
@LIFTED@
#endif
#ifdef CUTOUT
in vec3 in_uvl;
out vec2 v_uv;
flat out float v_layer;
#endif
void main() {
    gl_Position = u_clip_from_world * vec4(in_position, 1.0);
#ifdef SUNLIT
    v_shadow = in_shadow_map(in_position, in_normal);
#endif
#ifdef CUTOUT
    v_uv = in_uvl.xy;
    v_layer = in_uvl.z;
#endif
}
""".replace("@LIFTED@", LIFTED)

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


# Notes whether any part of a triangle is in shadow (1) and in light (2), looking two texels farther
# than a picture's look-up does.
SUNLIT_FRAGMENT = """
layout(std430, binding = 0) buffer Seen { uint seen[]; };
uniform sampler2DShadow u_shadow;
uniform int u_first;
in vec3 v_shadow;
void main() {
    vec2 first = floor(v_shadow.xy * SHADOW_SIZE - 0.5);
    float lit = 0.0;
    for (int y = -2; y <= 4; y += 2)
        for (int x = -2; x <= 4; x += 2)
            lit += dot(textureGather(u_shadow, (first + vec2(x, y)) / SHADOW_SIZE, v_shadow.z),
                       vec4(1.0));
    uint bits = (lit < 63.5 ? 1u : 0u) | (lit > 0.5 ? 2u : 0u);
    atomicOr(seen[u_first + gl_PrimitiveID / PRIMITIVES], bits);
}
"""


def assemble(body: str, defines: dict[str, object], *, outputs: bool = False) -> str:
    """The source of one shader: version, `#define`s, shared functions, `body`."""
    lines = [f"#define {name} {value}" for name, value in defines.items()]
    return "\n".join(["#version 430", *lines, TONE, OUTPUTS if outputs else "", body])
